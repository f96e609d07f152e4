//! The text that is added to the codes frame by frame.

use qwen3_tts_nn::Tensor;

/// The text embedding that is added to the codes of each frame.
pub(crate) struct TrailingText {
    /// `[1, 1, hidden_size]` for each frame, from the first on.
    frames: Vec<Tensor>,
    /// The embedding for frames after the text.
    pad: Tensor,
    /// True if more text may come.
    open: bool,
}

impl TrailingText {
    /// Starts with `embedded` `[1, n, hidden_size]` for the first `n` frames, if there is any yet.
    pub(crate) fn new(embedded: Option<&Tensor>, pad: Tensor, open: bool) -> Self {
        let mut text = Self { frames: Vec::new(), pad, open };
        if let Some(embedded) = embedded {
            text.push(embedded);
        }
        text
    }

    pub(crate) fn push(&mut self, embedded: &Tensor) {
        self.frames.extend((0..embedded.dim(1)).map(|i| embedded.time_step(i)));
    }

    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Returns the number of frames that text is known for.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Returns the embedding for frame number `frame`, from 0; `None` if its text is still to come.
    pub(crate) fn of_frame(&self, frame: usize) -> Option<&Tensor> {
        match self.frames.get(frame) {
            None if !self.open => Some(&self.pad),
            text => text,
        }
    }
}
