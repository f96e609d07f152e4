//! Instruction sets and their detection.

use std::sync::OnceLock;

/// Instruction sets that the kernels are compiled for, from the least to the most capable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust on arrays, for any CPU; also the oracle that the others are tested against.
    Portable,
    /// x86-64 with AVX2 and FMA: 8 lanes.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
    /// aarch64, which always has NEON: 8 lanes in two registers.
    Neon,
    /// NEON with dot products of bytes, for products of integers.
    Dotprod,
    /// Dotprod with matrix products of bytes.
    I8mm,
}

impl Isa {
    /// Every instruction set of this architecture, in order.
    #[cfg(target_arch = "x86_64")]
    pub const ALL: [Isa; 3] = [Isa::Portable, Isa::Avx2, Isa::Avx512];
    /// Every instruction set of this architecture, in order.
    #[cfg(target_arch = "aarch64")]
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Neon, Isa::Dotprod, Isa::I8mm];
    /// Every instruction set of this architecture, in order.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub const ALL: [Isa; 1] = [Isa::Portable];

    /// Returns the best instruction set of this CPU.
    pub fn detect() -> Isa {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(detect)
    }

    /// Returns the best instruction set of this CPU, or the lower one that `QWEN3_TTS_ISA` names.
    pub(crate) fn preferred() -> Isa {
        static PREFERRED: OnceLock<Isa> = OnceLock::new();
        *PREFERRED.get_or_init(|| {
            let wanted = std::env::var("QWEN3_TTS_ISA").ok();
            let limit = Isa::ALL.into_iter().find(|isa| wanted.as_deref() == Some(isa.name()));
            limit.unwrap_or(Isa::detect()).min(Isa::detect())
        })
    }

    /// Returns the lower-case name, as in the environment variable `QWEN3_TTS_ISA`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
            Isa::Dotprod => "dotprod",
            Isa::I8mm => "i8mm",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Isa::Avx512,
        (true, false) => Isa::Avx2,
        _ => Isa::Portable,
    }
}

#[cfg(target_arch = "aarch64")]
fn detect() -> Isa {
    use std::arch::is_aarch64_feature_detected as detected;
    match (detected!("dotprod"), detected!("i8mm")) {
        (true, true) => Isa::I8mm,
        (true, false) => Isa::Dotprod,
        _ => Isa::Neon,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detect() -> Isa {
    Isa::Portable
}
