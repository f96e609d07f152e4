//! The player of a build without the feature `play`.

use crate::failure::{Failure, Result};

/// A player that cannot be opened.
pub enum Player {}

impl Player {
    pub fn open() -> Result<Self> {
        Err(Failure::Unsupported(
            "this program was built without audio playback: build it with --features play, or use \
             --stream -o - and a player that reads standard input"
                .to_owned(),
        ))
    }

    pub fn play(&mut self, _samples: &[f32], _sample_rate: u32) -> Result {
        match *self {}
    }

    pub fn finish(self) {
        match self {}
    }
}
