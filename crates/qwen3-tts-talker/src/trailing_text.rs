//! The text that reaches the talker frame by frame.

use qwen3_tts_nn::Tensor;

/// What the text adds to the codes of each frame.
pub(crate) struct TrailingText {
    /// `[1, 1, hidden_size]` for each frame, from the first on.
    frames: Vec<Tensor>,
    /// For frames after the text.
    pad: Tensor,
    /// Whether more text may come.
    open: bool,
}

impl TrailingText {
    /// `embedded` `[1, n, hidden_size]`, if there is any yet, is what the first `n` frames get.
    pub(crate) fn new(embedded: Option<&Tensor>, pad: Tensor, open: bool) -> Self {
        let mut text = Self { frames: Vec::new(), pad, open };
        if let Some(embedded) = embedded {
            text.push(embedded);
        }
        text
    }

    pub(crate) fn push(&mut self, embedded: &Tensor) {
        self.frames.extend((0..embedded.dim(1)).map(|i| embedded.time_step(i).computed()));
    }

    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The frames that get text, as far as is known.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// What frame number `frame`, from 0, gets; `None` while that is not known.
    pub(crate) fn of_frame(&self, frame: usize) -> Option<&Tensor> {
        match self.frames.get(frame) {
            None if !self.open => Some(&self.pad),
            text => text,
        }
    }
}
