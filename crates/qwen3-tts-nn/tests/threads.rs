//! Compile-time assertions of which types can be sent to another thread or shared between threads.
//!
//! They hold on every backend that is compiled in.

use qwen3_tts_nn::{
    Device, Ids, KvCache, Matrix, Sampler, Tensor, Transformer, TransformerState, Weights,
};

const fn is_send<T: Send>() {}
const fn is_sync<T: Sync>() {}

const _: () = {
    is_send::<Device>();
    is_sync::<Device>();
    is_send::<Tensor>();
    is_send::<Ids>();
    is_send::<Matrix>();
    is_send::<KvCache>();
    is_send::<Transformer>();
    is_send::<TransformerState>();
    is_send::<Sampler>();
    is_sync::<Sampler>();
};

/// `T::SYNC` is true if `T` is `Sync`: the inherent constant hides that of the trait.
struct Probe<T>(std::marker::PhantomData<T>);

trait NotSync {
    const SYNC: bool = false;
}

impl<T> NotSync for Probe<T> {}

impl<T: Sync> Probe<T> {
    const SYNC: bool = true;
}

const _: () = {
    assert!(Probe::<Tensor>::SYNC != cfg!(feature = "mlx"));
    assert!(Probe::<Transformer>::SYNC != cfg!(feature = "mlx"));
    assert!(Probe::<Device>::SYNC);
    assert!(!Probe::<Weights>::SYNC);
};
