//! Kinds of AAC: what the decoder reads, and the names of what it does not.

/// The AAC-LC stream within an AAC stream.
pub struct Core {
    /// Its `AudioSpecificConfig`.
    pub config: Box<[u8]>,
    /// True if the stream is HE-AAC: the core has half of its bandwidth.
    pub is_half: bool,
}

const LC: u32 = 2;
const SBR: u32 = 5;
const PS: u32 = 29;
/// Marks an extension for decoders that know it, after the configuration of the core.
const SYNC_EXTENSION: u32 = 0x2b7;

impl Core {
    /// Finds the core of the stream that `config`, an `AudioSpecificConfig`, describes.
    ///
    /// # Errors
    /// Returns the name of the kind if it cannot be decoded.
    pub fn find(config: &[u8]) -> Result<Self, &'static str> {
        Self::read(config).unwrap_or(Err("AAC with an incomplete header"))
    }

    fn read(config: &[u8]) -> Option<Result<Self, &'static str>> {
        let mut bits = Bits { bytes: config, at: 0 };
        let mut kind = bits.kind()?;
        let rate = bits.rate()?;
        let channels = bits.read(4)?;
        let mut is_half = matches!(kind, SBR | PS);
        if is_half {
            bits.rate()?;
            kind = bits.kind()?;
        }
        if let Some(name) = refused(kind, channels) {
            return Some(Err(name));
        }
        if bits.read(1)? == 1 {
            return Some(Err("AAC with frames of 960 samples"));
        }
        // Neither a core coder nor an extension: two flags. Then there may be a hint of SBR.
        bits.read(2)?;
        is_half |= bits.read(11) == Some(SYNC_EXTENSION)
            && bits.kind() == Some(SBR)
            && bits.read(1) == Some(1);
        Some(Ok(Self { config: lc_config(rate, channels), is_half }))
    }
}

/// Returns the name of a kind of AAC that is not decoded.
fn refused(kind: u32, channels: u32) -> Option<&'static str> {
    Some(match (kind, channels) {
        (LC, 1 | 2) => return None,
        (LC, 0) => "AAC with a channel map of its own",
        (LC, _) => "AAC with more than two channels",
        (1, _) => "AAC Main",
        (3, _) => "AAC SSR",
        (4, _) => "AAC LTP",
        (23, _) => "AAC-LD",
        (39, _) => "AAC-ELD",
        (42, _) => "xHE-AAC",
        (36, _) => "MPEG-4 ALS",
        _ => "an unusual kind of AAC",
    })
}

/// A sample rate: an index, or 15 and the rate in Hz.
type Rate = (u32, u32);

/// Returns the shortest configuration of AAC-LC.
fn lc_config((index, rate): Rate, channels: u32) -> Box<[u8]> {
    let head = u64::from(LC) << 4 | u64::from(index);
    let (bits, n_bits) = match index {
        15 => (head << 24 | u64::from(rate), 33),
        _ => (head, 9),
    };
    let (bits, n_bits) = (bits << 7 | u64::from(channels) << 3, n_bits + 7);
    let bytes = (bits << (64 - n_bits)).to_be_bytes();
    bytes[..usize::div_ceil(n_bits, 8)].into()
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, n: usize) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + n {
            value = value << 1 | u32::from(self.bytes.get(at / 8)? >> (7 - at % 8) & 1);
        }
        self.at += n;
        Some(value)
    }

    fn kind(&mut self) -> Option<u32> {
        match self.read(5)? {
            31 => Some(32 + self.read(6)?),
            kind => Some(kind),
        }
    }

    fn rate(&mut self) -> Option<Rate> {
        match self.read(4)? {
            15 => Some((15, self.read(24)?)),
            index => Some((index, 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs groups of binary digits.
    fn bits(groups: &str) -> Vec<u8> {
        let digits: Vec<u8> = groups.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        let byte = |digits: &[u8]| {
            digits.iter().enumerate().fold(0, |byte, (i, digit)| byte | digit << (7 - i))
        };
        digits.chunks(8).map(byte).collect()
    }

    /// Configurations as ISO/IEC 14496-3, 1.6.2.1 writes them: kind, index of the rate, channels,
    /// for HE-AAC its rate and the kind of its core, three flags.
    #[test]
    fn the_core_of_every_signalling_is_found() {
        let core = bits("00010 0110 0001 000");
        for (config, is_half) in [
            ("00010 0110 0001 000", false),
            ("00101 0110 0001 0011 00010 000", true),
            ("11101 0110 0001 0011 00010 000", true),
            ("00010 0110 0001 000 01010110111 00101 1 0011", true),
            ("00010 0110 0001 000 01010110111 00101 0", false),
        ] {
            let found = Core::find(&bits(config)).unwrap();
            assert_eq!((&*found.config, found.is_half), (&core[..], is_half), "{config}");
        }
    }

    #[test]
    fn a_rate_without_an_index_is_kept() {
        let config = bits("00010 1111 000000000011000000111001 0010 000");
        assert_eq!(&*Core::find(&config).unwrap().config, config);
    }

    #[test]
    fn what_is_not_decoded_has_a_name() {
        for (config, name) in [
            ("00010 0110 0110 000", "AAC with more than two channels"),
            ("00010 0110 0000 000", "AAC with a channel map of its own"),
            ("00010 0110 0001 100", "AAC with frames of 960 samples"),
            ("00001 0110 0001 000", "AAC Main"),
            ("11111 000111 0110 0001 000", "AAC-ELD"),
            ("11111 001010 0110 0001 000", "xHE-AAC"),
            ("00010 011", "AAC with an incomplete header"),
            ("", "AAC with an incomplete header"),
        ] {
            assert_eq!(Core::find(&bits(config)).err(), Some(name), "{config}");
        }
    }
}
