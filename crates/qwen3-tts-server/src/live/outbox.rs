//! Messages on their way to a client that may be slow.

use std::collections::VecDeque;

use tokio::sync::mpsc::{self, Receiver, Sender};

/// Number of messages that wait for the client at most, replies to wrong messages included.
const MOST: usize = 64;

/// Messages that wait until the connection takes them.
pub struct Outbox<M> {
    waiting: VecDeque<M>,
    sender: Sender<M>,
}

impl<M> Outbox<M> {
    /// Returns an outbox, and the end from which the connection takes messages.
    pub fn new() -> (Self, Receiver<M>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self { waiting: VecDeque::new(), sender }, receiver)
    }

    /// Adds a message.
    pub fn push(&mut self, message: M) {
        self.waiting.push_back(message);
    }

    /// Returns true if the connection has taken all messages.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns true if a client causes more messages than it takes.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    /// Hands a message to the connection, or waits forever if the outbox is empty. A call that is dropped
    /// loses nothing.
    ///
    /// # Errors
    /// Returns [`Gone`] if the connection has ended.
    pub async fn hand_over(&mut self) -> Result<(), Gone> {
        if self.waiting.is_empty() {
            self.sender.closed().await;
            return Err(Gone);
        }
        let place = self.sender.reserve().await.map_err(|_| Gone)?;
        if let Some(message) = self.waiting.pop_front() {
            place.send(message);
        }
        Ok(())
    }

    /// Hands over all messages.
    ///
    /// # Errors
    /// Returns [`Gone`] if the connection has ended.
    pub async fn flush(mut self) -> Result<(), Gone> {
        while !self.waiting.is_empty() {
            self.hand_over().await?;
        }
        Ok(())
    }
}

/// The connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_wait_in_their_order() {
        let (mut outbox, mut receiver) = Outbox::new();
        for number in 0..MOST {
            assert!(!outbox.is_full());
            outbox.push(number);
        }
        assert!(outbox.is_full());
        let taken = tokio::spawn(async move {
            let mut taken = Vec::new();
            while let Some(number) = receiver.recv().await {
                taken.push(number);
            }
            taken
        });
        outbox.flush().await.unwrap();
        assert_eq!(taken.await.unwrap(), (0..MOST).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_end_of_the_connection_is_noticed() {
        let (mut outbox, receiver) = Outbox::<()>::new();
        drop(receiver);
        assert_eq!(outbox.hand_over().await, Err(Gone));
        outbox.push(());
        assert_eq!(outbox.flush().await, Err(Gone));
    }
}
