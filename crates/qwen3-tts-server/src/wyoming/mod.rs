//! The Wyoming protocol, by which Home Assistant speaks: events over TCP.

mod event;
mod info;
mod listener;
mod request;
mod session;

pub use listener::listen;
