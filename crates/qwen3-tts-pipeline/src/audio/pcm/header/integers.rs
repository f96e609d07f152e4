//! Linear integer samples of every width.

/// How integers are stored: some bits of each container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Integers {
    /// Size of the container in bytes, 1 to 8.
    bytes: u16,
    /// Number of bits that count, at most those of the container.
    bits: u16,
    is_big_endian: bool,
    is_unsigned: bool,
    /// True if the bits are the lowest of their container, not the highest.
    is_right: bool,
}

impl Integers {
    /// Bytes with 128 as zero.
    pub const UNSIGNED_BYTES: Self =
        Self { bytes: 1, bits: 8, is_big_endian: false, is_unsigned: true, is_right: false };

    /// Integers as in WAV: `bits` of containers of `container` bytes, or of as many bytes as the
    /// bits `declared` need if `container` is 0. Those of one byte are unsigned.
    pub fn wav(container: u16, bits: u16, declared: Option<u16>) -> Option<Self> {
        let needed = declared.unwrap_or(bits).max(bits).div_ceil(8);
        let bytes = if container == 0 { needed } else { container };
        let integers = Self::little_endian(bytes, bits).filter(|_| bits >= 8)?;
        Some(Self { is_unsigned: bytes == 1, ..integers })
    }

    /// Signed integers, `bits` of containers of `bytes` bytes. The bits of less than a byte are its
    /// highest.
    pub fn little_endian(bytes: u16, bits: u16) -> Option<Self> {
        let bits = if bytes == 1 && bits < 8 { 8 } else { bits };
        let holds = (1..=8).contains(&bytes) && (8..=8 * bytes).contains(&bits);
        let (is_big_endian, is_unsigned, is_right) = (false, false, false);
        holds.then_some(Self { bytes, bits, is_big_endian, is_unsigned, is_right })
    }

    /// Signed big-endian integers.
    pub fn big_endian(bytes: u16, bits: u16) -> Option<Self> {
        Some(Self { is_big_endian: true, ..Self::little_endian(bytes, bits)? })
    }

    /// Size of a sample in bytes.
    pub fn bytes(&self) -> u64 {
        u64::from(self.bytes)
    }

    /// True if containers are wider than samples.
    pub fn is_padded(&self) -> bool {
        self.bits < 8 * self.bytes
    }

    /// Finds out whether samples are the highest bits of their containers, as the format wants, or
    /// the lowest, as some programs write them.
    ///
    /// # Errors
    /// Returns the defect if they are neither.
    pub fn justify(&mut self, data: &[u8]) -> Result<(), &'static str> {
        let padding = 8 * self.bytes - self.bits;
        let values = || data.chunks_exact(usize::from(self.bytes)).map(|value| self.value(value));
        let ends_in_zeros = values().all(|value| value.trailing_zeros() >= u32::from(padding));
        let limit = 1_i64 << (self.bits - 1);
        let is_small = values().all(|value| (-limit..limit).contains(&value));
        if !ends_in_zeros && !is_small {
            return Err("its samples have more bits than its header says");
        }
        // Small samples that end in zeros are quiet, or made of fewer bits than the header says. If
        // they leave a whole byte empty, they would be quieter than any recording.
        self.is_right = is_small && (!ends_in_zeros || padding >= 8);
        Ok(())
    }

    /// Returns the samples as signed 32-bit little-endian integers.
    pub fn widen(&self, data: &[u8]) -> Vec<u8> {
        let bits = if self.is_right { self.bits } else { 8 * self.bytes };
        let widened = data.chunks_exact(usize::from(self.bytes)).flat_map(|value| {
            let value = self.value(value);
            let value = if bits > 32 { value >> (bits - 32) } else { value << (32 - bits) };
            (value as i32).to_le_bytes()
        });
        widened.collect()
    }

    /// Returns the value of a container.
    fn value(&self, container: &[u8]) -> i64 {
        let append = |value: i64, byte: &u8| value << 8 | i64::from(*byte);
        let value = match self.is_big_endian {
            true => container.iter().fold(0, append),
            false => container.iter().rev().fold(0, append),
        };
        let unused = 64 - 8 * u32::from(self.bytes);
        let high = value << unused;
        (if self.is_unsigned { high ^ i64::MIN } else { high }) >> unused
    }
}
