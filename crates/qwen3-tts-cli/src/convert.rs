//! `convert`: converts a checkpoint to another layout, data type or quantisation.

use std::io;
use std::time::{Duration, Instant};

use qwen3_tts_convert::{ConvertOptions, Converted, Error, FloatType, Quantization};

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

    let start = Instant::now();
    let bar = progress::bar(show_progress, "converting {bar:30} {percent} %  {eta} left");
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
    print(&summary(args, &converted, start.elapsed()))
}

/// Returns the sizes and bits before and after, and the time, in one line.
fn summary(args: &ConvertArgs, converted: &Converted, time: Duration) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let bits = |bytes: u64| 8.0 * bytes as f64 / converted.weights.max(1) as f64;
    let (before, after) = (converted.source_bytes, converted.bytes);
    format!(
        "{}: {} tensors, {:.1} → {:.1} MiB, {:.1} → {:.1} bits per weight, {:.1} s",
        args.out.display(),
        converted.tensors,
        mib(before),
        mib(after),
        bits(before),
        bits(after),
        time.as_secs_f64()
    )
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
        let quantization = Quantization::new(bits, group_size)?.rounding(rounding);
        options = options.quantize(quantization).requantize(args.requantize);
    }
    Ok(match args.dtype {
        Some(WeightType::Bf16) => options.dtype(FloatType::Bf16),
        Some(WeightType::F32) => options.dtype(FloatType::F32),
        None => options,
    })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Requantize { .. } => {
                Self::Request(format!("{reason}, or add --requantize to do it all the same"))
            }
            Error::Bits { .. } | Error::GroupSize { .. } | Error::OutputExists { .. } => {
                Self::Request(reason)
            }
            Error::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Self::NotFound(reason)
            }
            Error::Create { .. } | Error::Read { .. } | Error::Write { .. } => Self::Io(reason),
            _ => Self::Model(reason),
        }
    }
}
