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
    /// AVX2 with AVX-VNNI, for products of integers.
    AvxVnni,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
    /// AVX-512 with VNNI, for products of integers.
    Avx512Vnni,
    /// aarch64, which always has NEON: 8 lanes in two registers.
    Neon,
    /// NEON with dot products of bytes, for products of integers.
    Dotprod,
}

impl Isa {
    /// Every instruction set of this architecture, in order.
    #[cfg(target_arch = "x86_64")]
    pub const ALL: &[Isa] = &[Isa::Portable, Isa::Avx2, Isa::AvxVnni, Isa::Avx512, Isa::Avx512Vnni];
    /// Every instruction set of this architecture, in order.
    #[cfg(target_arch = "aarch64")]
    pub const ALL: &[Isa] = &[Isa::Portable, Isa::Neon, Isa::Dotprod];
    /// Every instruction set of this architecture, in order.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub const ALL: &[Isa] = &[Isa::Portable];

    /// Returns the instruction sets of this CPU, in order.
    pub fn available() -> impl DoubleEndedIterator<Item = Isa> {
        Isa::ALL.iter().copied().filter(|isa| isa.is_available())
    }

    /// Returns the best instruction set of this CPU.
    pub fn detect() -> Isa {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| Isa::available().next_back().unwrap_or(Isa::Portable))
    }

    /// Returns the best instruction set of this CPU, or the one that `QWEN3_TTS_ISA` names.
    pub(crate) fn preferred() -> Isa {
        static PREFERRED: OnceLock<Isa> = OnceLock::new();
        *PREFERRED.get_or_init(|| {
            let wanted = std::env::var("QWEN3_TTS_ISA").ok();
            let named = |isa: &Isa| wanted.as_deref() == Some(isa.name());
            Isa::available().find(named).unwrap_or(Isa::detect())
        })
    }

    /// Returns the lower-case name, as in the environment variable `QWEN3_TTS_ISA`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::AvxVnni => "avxvnni",
            Isa::Avx512 => "avx512",
            Isa::Avx512Vnni => "avx512vnni",
            Isa::Neon => "neon",
            Isa::Dotprod => "dotprod",
        }
    }

    /// Returns the CPU features that instruction sets of this architecture need, each with whether
    /// this CPU has it.
    #[cfg(target_arch = "x86_64")]
    pub fn features() -> Vec<(&'static str, bool)> {
        vec![
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avxvnni", is_x86_feature_detected!("avxvnni")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512bw", is_x86_feature_detected!("avx512bw")),
            ("avx512dq", is_x86_feature_detected!("avx512dq")),
            ("avx512vl", is_x86_feature_detected!("avx512vl")),
            ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ]
    }

    /// Returns the CPU features that instruction sets of this architecture need, each with whether
    /// this CPU has it.
    #[cfg(target_arch = "aarch64")]
    pub fn features() -> Vec<(&'static str, bool)> {
        vec![("neon", true), ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod"))]
    }

    /// Returns the CPU features that instruction sets of this architecture need, each with whether
    /// this CPU has it.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub fn features() -> Vec<(&'static str, bool)> {
        Vec::new()
    }

    /// Returns true if this CPU has the instruction set.
    #[cfg(target_arch = "x86_64")]
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Isa::AvxVnni => Isa::Avx2.is_available() && is_x86_feature_detected!("avxvnni"),
            Isa::Avx512 => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            Isa::Avx512Vnni => Isa::Avx512.is_available() && is_x86_feature_detected!("avx512vnni"),
            _ => false,
        }
    }

    /// Returns true if this CPU has the instruction set.
    #[cfg(target_arch = "aarch64")]
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable | Isa::Neon => true,
            Isa::Dotprod => std::arch::is_aarch64_feature_detected!("dotprod"),
            _ => false,
        }
    }

    /// Returns true if this CPU has the instruction set.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub fn is_available(self) -> bool {
        self == Isa::Portable
    }
}
