//! The closed set of backends: a value of any of them, and the choice by the one that holds it.
//!
//! A new backend is a folder with an implementation of [`Backend`], an entry in the invocation of
//! `backends!` below and a constructor of [`Device`](super::device::Device).

use crate::backend::Backend;
use crate::backend::precision::Precision;
use crate::error::Result;

/// The kinds of values that every backend has a type for.
pub(crate) trait Kind {
    /// The type of backend `B`.
    type Of<B: Backend>: Clone;
}

macro_rules! kinds {
    ($($Kind:ident = $Type:ty;)*) => {
        $(
            pub(crate) enum $Kind {}

            impl Kind for $Kind {
                type Of<B: Backend> = $Type;
            }
        )*
    };
}

kinds! {
    OfDevice = B;
    OfTensor = B::Tensor;
    OfIds = B::Ids;
    OfMatrix = B::Matrix;
    OfTable = B::Table;
    OfPackedConv = B::PackedConv;
    OfKvCache = B::KvCache;
}

/// A backend that is in the set.
pub(crate) trait Member: Backend {
    /// Wraps a value of this backend.
    fn wrap<K: Kind>(value: K::Of<Self>) -> On<K>;

    /// Returns the value if this backend holds it.
    fn get<K: Kind>(value: &On<K>) -> Option<&K::Of<Self>>;

    /// As [`Member::get`].
    fn get_mut<K: Kind>(value: &mut On<K>) -> Option<&mut K::Of<Self>>;
}

/// Defines [`On`] and `on_backend!` for these backends. `$d` is a dollar sign.
macro_rules! backends {
    ($d:tt $($(#[$cfg:meta])* $Name:ident = $Backend:ty;)*) => {
        /// A value of the backend that holds it.
        pub(crate) enum On<K: Kind> {
            $($(#[$cfg])* $Name(K::Of<$Backend>),)*
        }

        impl<K: Kind> Clone for On<K> {
            fn clone(&self) -> Self {
                match self {
                    $($(#[$cfg])* Self::$Name(value) => Self::$Name(value.clone()),)*
                }
            }
        }

        $(
            $(#[$cfg])*
            impl Member for $Backend {
                fn wrap<K: Kind>(value: K::Of<Self>) -> On<K> {
                    On::$Name(value)
                }

                fn get<K: Kind>(value: &On<K>) -> Option<&K::Of<Self>> {
                    match value {
                        On::$Name(value) => Some(value),
                        #[allow(unreachable_patterns)]
                        _ => None,
                    }
                }

                fn get_mut<K: Kind>(value: &mut On<K>) -> Option<&mut K::Of<Self>> {
                    match value {
                        On::$Name(value) => Some(value),
                        #[allow(unreachable_patterns)]
                        _ => None,
                    }
                }
            }
        )*

        /// Evaluates an expression in which `$B` is the backend that holds `$value.repr`.
        macro_rules! on_backend {
            ($d value:expr, $d B:ident => $d body:expr) => {
                match &$d value.repr {
                    $($(#[$cfg])* crate::tensor::dispatch::On::$Name(_) => {
                        type $d B = $Backend;
                        $d body
                    })*
                }
            };
        }
    };
}

backends! { $
    Cpu = crate::cpu::Cpu;
    #[cfg(feature = "mlx")]
    Mlx = crate::mlx::Mlx;
}

// A path to the macro, which has none of its own.
#[allow(clippy::single_component_path_imports)]
pub(crate) use on_backend;

/// Opens MLX.
///
/// # Errors
/// Returns [`crate::error::Error::DeviceMissing`] if MLX is not compiled in, or finds no device.
#[cfg(feature = "mlx")]
pub(crate) fn mlx(precision: Precision) -> Result<On<OfDevice>> {
    crate::mlx::Mlx::new(precision).map(On::Mlx)
}

/// Opens MLX, which is not compiled in.
#[cfg(not(feature = "mlx"))]
pub(crate) fn mlx(_: Precision) -> Result<On<OfDevice>> {
    let reason = "this program was built without it (cargo's `--features mlx`)".into();
    Err(crate::error::Error::DeviceMissing { device: "mlx", reason })
}

/// Panics because a model's values are on more than one device.
#[cold]
#[track_caller]
pub(crate) fn mixed_devices() -> ! {
    panic!("an operation on values of different devices")
}
