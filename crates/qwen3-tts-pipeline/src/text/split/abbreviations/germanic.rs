//! English and German.

use super::table::Table;

pub(super) const ENGLISH: Table = Table {
    leading: "Mr Mrs Ms Mx Dr Drs Prof Profs Rev Hon Gen Col Maj Capt Lt Sgt Cpl Pvt Cmdr Cdr Adm \
              Gov Sen Rep Pres Supt Messrs Mmes Msgr vs cf viz e.g i.e a.k.a approx",
    ending: "Jr Sr Esq Inc Ltd Co Corp Bros Assn Dept Univ Inst Ave Blvd Rd St Mt Ft Hwy Bldg \
             Sq et_al eds pp a.m p.m U.S U.S.A U.K U.N D.C Ph.D hr hrs oz lb lbs ft yd tbsp tsp misc incl excl esp \
             Calif Conn Fla Mich Minn Okla Tenn Tex Wis",
    numbered: "No Nos no nos Fig Figs fig figs Vol vol vols ed Ch ch Sec sec Art art Pt pt Apt Ext ext Eq eq \
               min max Tel tel Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec \
               Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun",
    closing: "",
    openers: "the a an this that these those there here it he she we they you i his her its our \
              their my your in on at by for with from to as after before when while if although \
              though since because but and or so yet then thus therefore however moreover \
              meanwhile nevertheless also what who whom whose which why where how is are was were \
              do does did can could will would should have has had not no yes now once even every \
              each all some many most few several both either neither another one two let please \
              perhaps maybe just only still never always soon later finally first second next \
              during until under over through without within instead such other others nobody \
              everyone everything nothing something someone today tomorrow yesterday",
};

pub(super) const GERMAN: Table = Table {
    leading: "Hr Hrn Fr Frl Dr dr Prof prof Fa Ing Dipl Nr z.B d.h vgl bzw ca evtl ggf ggfs inkl exkl einschl \
              zzgl abzgl wg sog insb insbes bspw bzgl zw",
    ending: "usw u.a u.Ä u.ä o.Ä o.ä u.dgl dgl s.o s.u o.g u.g i.d.R z.T z.Z z.Zt i.A i.V v.a \
             v.Chr n.Chr v.u.Z n.u.Z e.V Abs Abb Tab Bd Bde Kap Aufl Anm Ausg Hrsg Jh Jhd Jahrh \
             Mio Mrd Tsd Std Sek St Str -str Tel Hbf Abt Mag Univ geb gest verh Co Dr.phil Dr.med \
             Dr.jur Dr.rer rer.nat habil allg bes ehem kath bayer österr schweiz",
    numbered: "Art Min min max So Mo Di Mi Do Sa Jan Jän Feb Mär Apr Jun Jul Aug Sep Sept Okt Nov \
               Dez Pkt Ziff Anl",
    closing: "",
    openers: "der die das ein eine einer eines einem einen dieser diese dieses diesem diesen jener \
              jene jenes es er sie wir ihr ich du man sein seine seiner ihre ihrer mein meine unser \
              unsere kein keine in im an am auf aus bei beim mit nach seit von vom vor zu zum zur \
              über unter für gegen ohne durch um während wegen trotz wenn weil als ob obwohl da \
              dann danach daher darum deshalb deswegen dennoch doch aber und oder denn sondern so \
              also auch nur noch schon jetzt heute gestern hier dort was wer wem wen wie wo wohin \
              woher warum wann welche welcher welches ist sind war waren hat haben hatte kann \
              können wird werden nicht nein ja alle alles viele manche einige jeder jede jedes \
              beide bald später zuerst endlich schließlich außerdem trotzdem vielleicht bitte \
              damals inzwischen allerdings jedoch dabei dazu damit",
};

/// German nouns that often follow an ordinal number.
pub(super) const AFTER_ORDINALS: &str = "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember \
     Jahrhundert Jahrhunderts Jahrtausend Weltkrieg Weltkriegs Kapitel Klasse Platz Stock Etage \
     Geburtstag Auflage Mal Semester Runde Spieltag Tag Jahrestag Liga Bundesliga FC Stelle Lebensjahr";
