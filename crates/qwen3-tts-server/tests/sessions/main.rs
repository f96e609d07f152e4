//! Sessions in which text is spoken while it is being written: WebSocket and Wyoming.

#[path = "../support/mod.rs"]
mod support;

mod events;
mod fuzz;
mod sentences;
mod socket;
mod websocket;
mod websocket_rules;
mod wyoming;
