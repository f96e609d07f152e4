//! Speed of the kernels at the shapes of Qwen3-TTS. Matrix × vector reports weight bytes per
//! second, to be compared with reading memory; convolutions report multiply-adds per second, the
//! others elements per second.
//!
//! `QWEN3_TTS_THREADS` sets the number of threads (default: all), `QWEN3_TTS_ISA` the instruction
//! set.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qwen3_tts_kernels::*;
use std::hint::black_box;

criterion_main!(benches);
criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(2));
    targets = reading, multiplying, linear_decode, linear_quantized, linear_prefill, convolution, snake, attend, regions, quantising
}

fn context() -> Context {
    let all = std::thread::available_parallelism().map_or(1, |n| n.get());
    let wanted = std::env::var("QWEN3_TTS_THREADS").ok().and_then(|n| n.parse().ok());
    Context::new(wanted.unwrap_or(all))
}

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 2_654_435_761) % 1000) as f32 * 1e-3 - 0.5).collect()
}

/// Reads memory: a lower bound of the time to decode one token.
fn reading(c: &mut Criterion) {
    let context = context();
    let buffer = WeightFloats::copy(&context, Floats::F32(&ramp(BUFFER / 4)));
    let Floats::F32(buffer) = buffer.floats() else { unreachable!() };
    let (task, call) = (16 << 10, 1 << 20);
    let mut calls = buffer.chunks_exact(call).cycle();
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(4 * call as u64));
    group.bench_function("memory", |b| {
        b.iter(|| {
            let call = calls.next().unwrap();
            context.pool().run(call.len() / task, |i| {
                let task = &call[i * task..][..task];
                black_box(task.iter().fold(0, |all, word| all ^ word.to_bits()));
            });
        });
    });
}

/// Multiplies and adds in registers on every thread: an upper bound of multiply-adds per second.
#[cfg(target_arch = "x86_64")]
fn multiplying(c: &mut Criterion) {
    let context = context();
    let (threads, rounds) = (context.pool().threads(), 100_000);
    let (lanes, run): (usize, unsafe fn(usize, f32) -> f32) = match context.isa() {
        Isa::Avx512 | Isa::Avx512Vnni => (16, multiply_adds_avx512),
        Isa::Avx2 | Isa::AvxVnni => (8, multiply_adds_avx2),
        _ => return,
    };
    let mut group = c.benchmark_group("multiply-add");
    group.throughput(Throughput::Elements((threads * rounds * CHAINS * lanes) as u64));
    group.bench_function("registers", |b| {
        b.iter(|| {
            // SAFETY: a context has an instruction set of this CPU.
            context.pool().run(threads, |_| _ = black_box(unsafe { run(rounds, black_box(0.5)) }));
        });
    });
}

#[cfg(not(target_arch = "x86_64"))]
fn multiplying(_: &mut Criterion) {}

/// Number of independent sums, enough to hide the latency of a multiply-add.
#[cfg(target_arch = "x86_64")]
const CHAINS: usize = 12;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn multiply_adds_avx2(rounds: usize, factor: f32) -> f32 {
    use std::arch::x86_64::*;
    let factor = _mm256_set1_ps(factor);
    let mut sums = [factor; CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, factor, factor);
        }
    }
    _mm256_cvtss_f32(sums.into_iter().fold(factor, |all, sum| _mm256_add_ps(all, sum)))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn multiply_adds_avx512(rounds: usize, factor: f32) -> f32 {
    use std::arch::x86_64::*;
    let factor = _mm512_set1_ps(factor);
    let mut sums = [factor; CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, factor);
        }
    }
    _mm512_reduce_add_ps(sums.into_iter().fold(factor, |all, sum| _mm512_add_ps(all, sum)))
}

/// Number of weight bytes that the benchmarks of one token cycle over, many times the caches' size.
const BUFFER: usize = 256 << 20;

/// q, k and v; o; gate and up; down of 0.6B; gate and up of 1.7B.
const SHAPES: [(usize, usize); 5] =
    [(4096, 1024), (1024, 2048), (6144, 1024), (1024, 3072), (12288, 2048)];

/// Multiplies up to 8 tokens by weights from memory: each call uses the next matrix of a buffer.
fn linear_decode(c: &mut Criterion) {
    let context = context();
    let half = Floats::Bf16(&vec![bf16::from_f32(0.01); BUFFER / 2]);
    let full = Floats::F32(&vec![0.01; BUFFER / 4]);
    let copies = [half, full].map(|floats| WeightFloats::copy(&context, floats));
    let [Floats::Bf16(half), Floats::F32(full)] = copies.each_ref().map(WeightFloats::floats)
    else {
        unreachable!()
    };
    for tokens in [1, 2, 4, 8] {
        for (rows, cols) in SHAPES {
            let (x, mut y) = (ramp(tokens * cols), vec![0.0; tokens * rows]);
            let bf16s = half.chunks_exact(rows * cols).map(MatrixData::Bf16);
            let f32s = full.chunks_exact(rows * cols).map(MatrixData::F32);
            let types: [(_, _, Vec<MatrixData<'_>>); 2] =
                [("bf16", 2, bf16s.collect()), ("f32", 4, f32s.collect())];
            for (name, bytes, matrices) in types {
                let mut matrices = matrices.into_iter().cycle();
                let mut group = c.benchmark_group(format!("linear {name}, tokens: {tokens}"));
                group.throughput(Throughput::Bytes((rows * cols * bytes) as u64));
                group.bench_function(format!("{rows}x{cols}"), |b| {
                    b.iter(|| {
                        let weight = Matrix { data: matrices.next().unwrap(), rows, cols };
                        let projection = Projection { weight, bias: None, y: &mut y };
                        linear(&context, &x, tokens, &mut [projection]);
                    });
                });
            }
        }
    }
}

/// As `linear_decode` with affine groups of 64; bytes are those of q, scales and biases.
fn linear_quantized(c: &mut Criterion) {
    let context = context();
    let packed: Vec<u8> = (0..SHAPES[4].0 * SHAPES[4].1).map(|i| (i * 167 / 8) as u8).collect();
    let scales = vec![bf16::from_f32(0.01); packed.len() * 2 / 64];
    let biases = vec![bf16::from_f32(-0.1); packed.len() * 2 / 64];
    for bits in [Bits::Eight, Bits::Six, Bits::Four] {
        let mut group = c.benchmark_group(format!("linear 1 token {} bits", bits.get()));
        for (rows, cols) in SHAPES {
            let (x, mut y) = (ramp(cols), vec![0.0; rows]);
            let (bytes, groups) = (rows * cols * bits.get() / 8, rows * cols / 64);
            let data = Affine {
                bits,
                group_size: 64,
                packed: &packed[..bytes],
                scales: Floats::Bf16(&scales[..groups]),
                biases: Floats::Bf16(&biases[..groups]),
            };
            let packed = || AffineTiles::pack(&context, data, rows, cols);
            let all: Vec<_> = (0..BUFFER / bytes).map(|_| packed()).collect();
            let mut matrices = all.iter().cycle();
            group.throughput(Throughput::Bytes((bytes + 4 * groups) as u64));
            group.bench_function(format!("{rows}x{cols}"), |b| {
                b.iter(|| {
                    let data = MatrixData::Affine(matrices.next().unwrap());
                    let weight = Matrix { data, rows, cols };
                    linear(&context, &x, 1, &mut [Projection { weight, bias: None, y: &mut y }]);
                });
            });
        }
    }
}

/// Multiplies many tokens by weights of each type.
fn linear_prefill(c: &mut Criterion) {
    let context = context();
    let mut group = c.benchmark_group("linear many tokens");
    for (rows, cols) in [(3072, 1024), (1024, 3072), (4096, 1024)] {
        let w = ramp(rows * cols);
        let half: Vec<bf16> = w.iter().map(|&w| bf16::from_f32(w)).collect();
        let made = [Bits::Eight, Bits::Four].map(|bits| {
            (bits, quantize::<bf16>(&context, Floats::F32(&w), bits, 64, Rounding::Nearest))
        });
        let tiles = made.each_ref().map(|(bits, groups)| {
            let (scales, biases) = (Floats::Bf16(&groups.scales), Floats::Bf16(&groups.biases));
            let data =
                Affine { bits: *bits, group_size: 64, packed: &groups.packed, scales, biases };
            AffineTiles::pack(&context, data, rows, cols)
        });
        let [eight, four] = tiles.each_ref().map(MatrixData::Affine);
        let (full, half) = (MatrixData::F32(&w), MatrixData::Bf16(&half));
        for tokens in [8, 29, 99, 200] {
            let (x, mut y) = (ramp(tokens * cols), vec![0.0; tokens * rows]);
            group.throughput(Throughput::Elements((tokens * rows * cols) as u64));
            for (name, data) in [("f32", full), ("bf16", half), ("q8", eight), ("q4", four)] {
                group.bench_function(format!("{name} {tokens}x{rows}x{cols}"), |b| {
                    let weight = Matrix { data, rows, cols };
                    b.iter(|| {
                        linear(
                            &context,
                            &x,
                            tokens,
                            &mut [Projection { weight, bias: None, y: &mut y }],
                        );
                    });
                });
            }
        }
    }
}

/// Runs the codec decoder's convolutions on one frame and on four.
fn convolution(c: &mut Criterion) {
    let context = context();
    let mut group = c.benchmark_group("conv1d");
    // Rows per frame, out, taps, in, dilation.
    let shapes = [
        (4, 1536, 7, 1024, 1),
        (32, 768, 7, 768, 9),
        (160, 384, 7, 384, 3),
        (640, 192, 7, 192, 1),
        (1920, 96, 7, 96, 9),
        (1920, 96, 1, 96, 1),
        (1920, 1, 7, 96, 1),
    ];
    for (rows, out, taps, input, dilation) in shapes {
        let weight = &ConvWeight::pack(&context, &ramp(out * taps * input), out, taps, input);
        let bias = ramp(out);
        let conv = Conv1d { weight, bias: Some(&bias), stride: 1, dilation };
        for frames in [1, 4] {
            let rows = rows * frames;
            let x = ramp((rows + (taps - 1) * dilation) * input);
            let mut y = vec![0.0; rows * out];
            group.throughput(Throughput::Elements((rows * out * taps * input) as u64));
            group.bench_function(
                format!("{rows}x{out} taps {taps} in {input} d {dilation}"),
                |b| {
                    b.iter(|| conv1d(&context, &x, conv, &mut y));
                },
            );
        }
    }
}

fn snake(c: &mut Criterion) {
    let context = context();
    let (rows, channels) = (1920, 96);
    let (x, alpha, beta) = (ramp(rows * channels), ramp(channels), ramp(channels));
    let mut y = vec![0.0; x.len()];
    let mut group = c.benchmark_group("elementwise");
    group.throughput(Throughput::Elements(x.len() as u64));
    group.bench_function("snake_beta 1920x96", |b| {
        b.iter(|| snake_beta(&context, black_box(&x), &alpha, &beta, &mut y));
    });
    group.bench_function("gelu 1920x96", |b| b.iter(|| gelu(&context, black_box(&x), &mut y)));
}

/// Runs one query of the talker, 16 heads over 8 key heads of 128; each call uses the next layer's
/// cache.
fn attend(c: &mut Criterion) {
    let context = context();
    let (kv_heads, head_dim) = (8, 128);
    let shape = AttentionShape { heads: 16, scale: 0.088, window: None };
    let q = ramp(16 * head_dim);
    let mut y = vec![0.0; q.len()];
    let mut group = c.benchmark_group("attention");
    for (n, layers) in [(16, 5), (500, 28), (1000, 28), (4000, 28)] {
        for (name, kv_type) in [("f32", KvType::F32), ("i16", KvType::I16)] {
            let rows = ramp(n * kv_heads * head_dim);
            let mut layer = KeyValues::new(kv_heads, head_dim, kv_type);
            layer.append(&context, &rows, &rows);
            group.throughput(Throughput::Bytes(layer.bytes() as u64));
            let layers = vec![layer; layers];
            let mut layers = layers.iter().cycle();
            group.bench_function(format!("1 query {n} keys {name}"), |b| {
                b.iter(|| attention(&context, &q, layers.next().unwrap(), shape, &mut y));
            });
        }
    }
    let rows = ramp(200 * kv_heads * head_dim);
    let q = ramp(200 * 16 * head_dim);
    let mut y = vec![0.0; q.len()];
    for (name, kv_type) in [("f32", KvType::F32), ("i16", KvType::I16)] {
        let mut layer = KeyValues::new(kv_heads, head_dim, kv_type);
        layer.append(&context, &rows, &rows);
        group.throughput(Throughput::Elements(200 * 201 / 2 * 16 * head_dim as u64 * 2));
        group.bench_function(format!("200 queries {name}"), |b| {
            b.iter(|| attention(&context, &q, &layer, shape, &mut y));
        });
        let one = &rows[..kv_heads * head_dim];
        let mut layer = KeyValues::new(kv_heads, head_dim, kv_type);
        group.throughput(Throughput::Elements(2 * one.len() as u64));
        group.bench_function(format!("append {name}"), |b| {
            b.iter(|| {
                layer.append(&context, one, one);
                layer.drop_before(layer.len());
            });
        });
    }
}

/// Opens and closes an empty region.
fn regions(c: &mut Criterion) {
    let context = context();
    c.bench_function("empty region", |b| {
        b.iter(|| context.pool().run(context.pool().threads(), |i| _ = black_box(i)))
    });
}

/// Quantises bf16 weights to affine groups of 64; elements are weights.
fn quantising(c: &mut Criterion) {
    let context = context();
    let weights: Vec<bf16> = ramp(32 << 20).into_iter().map(bf16::from_f32).collect();
    let mut group = c.benchmark_group("quantise");
    group.throughput(Throughput::Elements(weights.len() as u64));
    for (rule, rounding) in
        [("nearest", Rounding::Nearest), ("least squares", Rounding::LeastSquares)]
    {
        for bits in [Bits::Eight, Bits::Six, Bits::Four] {
            group.bench_function(format!("{} bits, {rule}", bits.get()), |b| {
                let weights = Floats::Bf16(black_box(&weights));
                b.iter(|| quantize::<bf16>(&context, weights, bits, 64, rounding));
            });
        }
    }
}
