//! French, Spanish, Portuguese and Italian.

use super::table::Table;

pub(super) const FRENCH: Table = Table {
    leading: "M MM Mme Mmes Mlle Mlles Mgr Dr p.ex c.à.d cf",
    ending: "Pr av apr ap J.C env éd coll tél bd Bd boul St Ste Cie Ltée pp hab dép gén Gén lieut \
             Lieut N.B",
    numbered: "art chap fig vol no nos min max janv févr avr juil sept oct nov déc",
    closing: "",
    openers: "le la les l un une des du au aux ce cet cette ces il elle ils elles on nous vous je \
              j tu c qu son sa ses leur leurs mon ma mes notre nos votre vos en dans sur sous avec \
              sans pour par à après avant depuis pendant chez entre vers lorsque lorsqu quand si s \
              comme puisque mais et ou or donc car ni n ne puis ensuite alors ainsi cependant \
              pourtant toutefois enfin aussi même quel quelle quels quelles qui que quoi où comment \
              pourquoi est était sont ont avait tout tous toute toutes aucun aucune chaque \
              plusieurs certains certaines rien personne oui non ici là hier aujourd demain \
              maintenant peut voici voilà",
};

pub(super) const SPANISH: Table = Table {
    leading: "Sr Sra Srta sr sra srta Sres Sras Srtas Dr Dra dr dra Dres Dras Dña Prof Profa Ing Lic Licda Arq Gral \
              Cnel Tte Mons Excmo Excma Ilmo Ilma Rvdo Sto Sta p.ej v.gr cf cfr núm pág págs EE RR \
              FF JJ CC aprox",
    ending: "Ud Uds Vd Vds ud uds a.C d.C a.m p.m EE.UU RR.HH FF.AA JJ.OO CC.OO SS.MM Av Avda Pza Plza Ctra Cía Ltda \
             Hnos Apdo apdo izq dcha máx mín ss hab Cap Col",
    numbered: "art arts cap vol fig tel Tel ene feb mar abr may jun jul ago sept oct nov dic",
    closing: "",
    openers: "el la los las lo un una unos unas este esta estos estas ese esa esos esas aquel \
              aquella esto eso aquello él ella ellos ellas yo tú nosotros usted ustedes su sus mi \
              mis tu tus nuestro nuestra en con sin para por según sobre desde hasta entre durante \
              tras cuando mientras si como aunque porque pues pero y o ni sino entonces luego \
              después antes así además también tampoco ya aún todavía ahora hoy ayer mañana aquí \
              allí qué quién quiénes cuál cuándo dónde cómo es era son fue hay había está están \
              todo todos toda todas cada algunos algunas muchos muchas nadie nada sí no al del se \
              sólo solo quizá quizás",
};

pub(super) const PORTUGUESE: Table = Table {
    leading: "Sr Sra Srs Sras Srta Srtas sr sra srta Dr Dra dr dra Drs Dras Prof Profa Profs prof profa Eng Enga eng Arq Exmo Exma \
              Ilmo Ilma Rev Pe Cel Sto Sta p.ex pág págs cf núm",
    ending: "Av Pça Trav Rod Lda Ltda Cia Cap Ten V.Exa S.Exa a.C d.C séc sécs máx mín obs org trad \
             apto",
    numbered: "art arts cap vol fig fl fls tel Tel jan fev mar abr mai jun jul ago set out nov dez",
    closing: "",
    openers: "o a os as um uma uns umas este esta estes estas esse essa esses essas aquele aquela \
              isto isso aquilo ele ela eles elas eu tu nós você vocês seu sua seus suas meu minha \
              nosso nossa em no na nos nas num numa do da dos das ao à aos às com sem para por pelo \
              pela sobre desde até entre durante após quando enquanto se como embora porque pois \
              mas e ou nem porém contudo então depois antes assim além também já ainda agora hoje \
              ontem amanhã aqui ali lá que quem qual quais onde é era são foi há está estão todo \
              todos toda todas cada alguns algumas muitos muitas ninguém nada sim não talvez",
};

pub(super) const ITALIAN: Table = Table {
    leading: "Sig Sigg sig sigg Dott dott Prof Proff prof Avv avv Ing ing Arch Geom Rag Mons cfr ad_es p.es pag pagg ca",
    ending: "On Sen Gen Col Ten Cap SS a.C d.C tav tavv",
    numbered: "art artt cap vol fig tel Tel sec min max nr gen feb mar apr mag giu lug ago sett set \
               ott nov dic",
    closing: "",
    openers: "il lo la i gli le l un uno una questo questa questi queste quel quello quella quei \
              quelle ciò egli lui lei noi voi loro io tu essa essi suo sua suoi sue mio mia nostro \
              nostra in nel nella nei nelle del della dei al alla ai alle da dal dalla con senza \
              per su sul sulla tra fra dopo prima durante quando mentre se come perché poiché \
              sebbene ma e o né però tuttavia quindi poi allora così inoltre anche già ancora \
              adesso ora oggi ieri domani qui lì che chi quale quali dove è era sono fu c ha hanno \
              aveva non sì no tutto tutti tutta tutte ogni alcuni alcune molti molte nessuno niente \
              forse ecco",
};
