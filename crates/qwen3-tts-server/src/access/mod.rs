//! Who may ask, and for how much at a time.

mod caller;
mod keys;
mod permit;

pub use caller::Caller;
pub use keys::Keys;
pub use permit::{Permit, Places};
