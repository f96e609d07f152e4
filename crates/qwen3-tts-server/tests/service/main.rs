//! The service over its protocols, with tiny models.

mod events;
mod fuzz;
mod operation;
mod sentences;
mod socket;
mod speech;
mod support;
mod websocket;
mod websocket_rules;
mod wyoming;
