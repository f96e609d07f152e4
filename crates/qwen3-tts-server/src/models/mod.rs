//! The models that speak.

mod catalogue;
mod loaded;
mod memory;
mod need;

pub use catalogue::{ModelFacts, Models};
pub use loaded::LoadedModel;
pub use need::Need;
