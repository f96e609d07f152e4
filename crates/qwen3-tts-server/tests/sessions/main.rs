//! Sessions in which text is spoken while it is being written: WebSocket and Wyoming.

mod events;
mod fuzz;
mod sentences;
mod socket;
mod support;
mod websocket;
mod websocket_rules;
mod wyoming;
