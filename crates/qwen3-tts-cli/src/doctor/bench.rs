//! A benchmark of about ten seconds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qwen3_tts_kernels::{
    Affine, AffineTiles, Bits, Context, Conv1d, ConvWeight, Floats, Matrix, MatrixData, Projection,
    bf16, conv1d, linear, read_bandwidth,
};
use qwen3_tts_pipeline::{LoadOptions, SpeechRequest, Synthesizer};
use serde::Serialize;

use crate::args::When;
use crate::demo;
use crate::failure::Result;
use crate::progress;

/// Rates of this machine.
#[derive(Clone, Copy, Serialize)]
pub struct Benchmark {
    /// Rate at which memory is read, in bytes per second.
    pub read_bandwidth: f64,
    /// Rates of products of one token with weights from memory, in weights per second.
    pub products: Products,
    /// Rate of convolutions, in multiply-adds per second.
    pub convolution: f64,
    /// Seconds that the demo voice computes per second of speech.
    pub demo_real_time_factor: f64,
}

/// Rates in weights per second, by the type of the weights.
#[derive(Clone, Copy, Serialize)]
pub struct Products {
    pub bf16: f64,
    pub bits_8: f64,
    pub bits_4: f64,
}

/// Time that each kernel and the demo voice are measured for.
const TIME: Duration = Duration::from_millis(1200);

/// Sizes in bytes of the buffers of the measurements; larger than the caches of most machines.
const READ: u64 = 512 << 20;
const WEIGHTS: u64 = 256 << 20;

/// Shape of the products: gate and up of the 0.6B.
const ROWS: usize = 6144;
const COLS: usize = 1024;
const GROUP_SIZE: usize = 64;

impl Benchmark {
    /// Measures, within an eighth of the available memory, and tells a terminal about it.
    pub fn run(context: &Context, available: Option<u64>) -> Result<Self> {
        let fitting = |bytes: u64| available.map_or(bytes, |all| bytes.min(all / 8)) as usize;
        let bar = bar(progress::is_wanted(When::Auto));
        bar.set_message("memory");
        let read_bandwidth = read_bandwidth(context.pool(), fitting(READ));
        bar.set_message("products");
        let products = Products::measure(context, fitting(WEIGHTS));
        bar.set_message("convolutions");
        let convolution = convolution(context);
        bar.set_message("the demo voice");
        let demo_real_time_factor = demo_voice(context.pool().threads())?;
        bar.finish_and_clear();
        Ok(Self { read_bandwidth, products, convolution, demo_real_time_factor })
    }
}

impl Products {
    fn measure(context: &Context, bytes: usize) -> Self {
        Self {
            bf16: bf16_products(context, bytes),
            bits_8: quantised_products(context, bytes, Bits::Eight),
            bits_4: quantised_products(context, bytes, Bits::Four),
        }
    }
}

/// Measures products with as many bf16 matrices as have `bytes`.
fn bf16_products(context: &Context, bytes: usize) -> f64 {
    let n = (bytes / (2 * ROWS * COLS)).max(1);
    let weights = vec![bf16::from_f32(0.01); n * ROWS * COLS];
    let matrices: Vec<_> = weights.chunks_exact(ROWS * COLS).map(MatrixData::Bf16).collect();
    products(context, &matrices)
}

/// Measures products with as many quantised matrices as have `bytes`.
fn quantised_products(context: &Context, bytes: usize, bits: Bits) -> f64 {
    let size = ROWS * COLS * bits.get() / 8;
    let packed: Vec<u8> = (0..size).map(|i| (i * 167 / 8) as u8).collect();
    let scales = vec![bf16::from_f32(0.01); ROWS * COLS / GROUP_SIZE];
    let biases = vec![bf16::from_f32(-0.1); ROWS * COLS / GROUP_SIZE];
    let affine = Affine {
        bits,
        group_size: GROUP_SIZE,
        packed: &packed,
        scales: Floats::Bf16(&scales),
        biases: Floats::Bf16(&biases),
    };
    let n = (bytes / size).max(1);
    let tiles: Vec<_> = (0..n).map(|_| AffineTiles::pack(context, affine, ROWS, COLS)).collect();
    products(context, &tiles.iter().map(MatrixData::Affine).collect::<Vec<_>>())
}

/// Measures products of one token with these matrices in turn, in weights per second.
fn products(context: &Context, matrices: &[MatrixData<'_>]) -> f64 {
    let (x, mut y) = (ramp(COLS), vec![0.0; ROWS]);
    let pass = || {
        for &data in matrices {
            let weight = Matrix { data, rows: ROWS, cols: COLS };
            linear(context, &x, 1, &mut [Projection { weight, bias: None, y: &mut y }]);
            black_box(&y);
        }
    };
    (matrices.len() * ROWS * COLS) as f64 / best_time(pass)
}

/// Measures a convolution of the speech tokenizer's decoder, in multiply-adds per second.
fn convolution(context: &Context) -> f64 {
    let (rows, channels, taps) = (640, 192, 7);
    let weight =
        &ConvWeight::pack(context, &ramp(channels * taps * channels), channels, taps, channels);
    let conv = Conv1d { weight, bias: None, stride: 1, dilation: 1 };
    let (x, mut y) = (ramp((rows + taps - 1) * channels), vec![0.0; rows * channels]);
    let time = best_time(|| {
        conv1d(context, &x, conv, &mut y);
        black_box(&y);
    });
    (rows * channels * taps * channels) as f64 / time
}

/// Speaks with the demo voice, and returns its real-time factor.
fn demo_voice(threads: usize) -> Result<f64> {
    let files = demo::Use::Preset.files();
    let model = Synthesizer::from_files(&files, &LoadOptions::default().threads(threads))?;
    let speak = || -> Result<f64> {
        let request =
            SpeechRequest::new("This sentence shows how fast the machine speaks.").seed(1);
        let begin = Instant::now();
        let speech = model.speak(request)?.collect_audio()?;
        let seconds = speech.audio.len() as f64 / f64::from(speech.sample_rate);
        Ok(begin.elapsed().as_secs_f64() / seconds)
    };
    let (begin, mut best) = (Instant::now(), speak()?);
    while begin.elapsed() < TIME {
        best = best.min(speak()?);
    }
    Ok(best)
}

/// Returns the shortest time of a call in seconds, of calls for about [`TIME`].
fn best_time(mut call: impl FnMut()) -> f64 {
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while best.is_infinite() || begin.elapsed() < TIME {
        let start = Instant::now();
        call();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i % 1000) as f32 * 1e-3 - 0.5).collect()
}

fn bar(shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("measuring {msg} {spinner} {elapsed} of about 10s");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, target).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
