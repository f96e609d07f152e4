//! Who may ask, and for how much at a time.

mod caller;
mod keys;
mod origin;
mod permit;

pub use caller::Caller;
pub use keys::Keys;
pub use origin::{check_origin, check_page};
pub use permit::{Permit, Places};
