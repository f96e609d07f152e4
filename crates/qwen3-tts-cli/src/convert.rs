//! `convert`: converts a checkpoint to another layout, data type or quantisation.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qwen3_tts_convert::{ConvertOptions, Error, FloatType, Quantization};

use crate::args::{ConvertArgs, Layout, Rounding, WeightType, When};
use crate::failure::{Failure, Result};
use crate::interrupt::Incomplete;
use crate::model;
use crate::output::print;
use crate::progress;

pub fn run(args: &ConvertArgs) -> Result {
    let options = options(args)?;
    // Checked before a download, which may take long.
    qwen3_tts_convert::check_output(&args.out)?;
    let show_progress = progress::is_wanted(When::Auto);
    let source = model::directory(&args.source, show_progress)?;

    let bar = bar(show_progress);
    let mut draft = None;
    let converted = qwen3_tts_convert::convert(&source, &args.out, &options, &mut |progress| {
        if progress.done == 0 {
            draft = Some(Incomplete::new(progress.draft));
            bar.set_length(progress.total);
        }
        bar.set_position(progress.done);
    })?;
    bar.finish_and_clear();
    drop(draft);
    let (out, tensors) = (args.out.display(), converted.tensors);
    let mib = converted.bytes as f64 / f64::from(1 << 20);
    print(&format!("{out}: {tensors} tensors, {mib:.1} MiB"))
}

fn options(args: &ConvertArgs) -> Result<ConvertOptions> {
    let layout = match args.layout {
        Layout::Pytorch => qwen3_tts_convert::Layout::Pytorch,
        Layout::Mlx => qwen3_tts_convert::Layout::Mlx,
    };
    let bytes = (args.shard_size as u64).saturating_mul(1 << 20);
    let mut options = ConvertOptions::default().layout(layout).shard_size(bytes);
    if let Some(bits) = args.quantize {
        let group_size = args.group_size.unwrap_or(Quantization::DEFAULT_GROUP_SIZE);
        let rounding = match args.rounding {
            Rounding::LeastSquares => qwen3_tts_convert::Rounding::LeastSquares,
            Rounding::Nearest => qwen3_tts_convert::Rounding::Nearest,
        };
        options = options.quantize(Quantization::new(bits, group_size)?.rounding(rounding));
    }
    Ok(match args.dtype {
        Some(WeightType::Bf16) => options.dtype(FloatType::Bf16),
        Some(WeightType::F32) => options.dtype(FloatType::F32),
        None => options,
    })
}

fn bar(shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("converting {bar:30} {percent} %  {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Write { .. } => Self::Other(error.to_string()),
            error => Self::Request(error.to_string()),
        }
    }
}
