//! Access: API keys, allowed origins and limits of concurrent requests.

mod caller;
mod keys;
mod origin;
mod permit;

pub use caller::Caller;
pub use keys::Keys;
pub use origin::{check_origin, check_page};
pub use permit::{Permit, Places};
