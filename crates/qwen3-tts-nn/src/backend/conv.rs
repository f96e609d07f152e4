//! Arguments of the convolutions.

/// The sizes of a dense or depthwise convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvShape {
    /// Number of output channels.
    pub out_channels: usize,
    /// Input channels that one output channel reads: 1 for a depthwise convolution.
    pub in_channels: usize,
    /// Kernel size.
    pub taps: usize,
    /// Inputs from one output to the next.
    pub stride: usize,
    /// Inputs from one tap to the next.
    pub dilation: usize,
    /// True if each channel has a filter of its own.
    pub depthwise: bool,
}
