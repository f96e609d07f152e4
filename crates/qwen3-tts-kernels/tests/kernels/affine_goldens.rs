//! Affine groups against MLX's own `quantize` and `dequantize`, bit for bit.

use super::{bits, contexts};
use qwen3_tts_kernels::{Affine, AffineGroups, Bits, Floats, Rounding, bf16, quantize};
use qwen3_tts_testkit::Golden;
use serde_json::Value;

struct Case {
    bits: Bits,
    group_size: usize,
    half: bool,
    weights: Vec<f32>,
    packed: Vec<u8>,
    scales: Vec<f32>,
    biases: Vec<f32>,
    dequantized: Vec<f32>,
}

fn cases() -> Vec<Case> {
    let golden = Golden::load("operations/quantized");
    let list = |key: &str| golden.request[key].as_array().expect("a list").clone();
    let mut cases = Vec::new();
    for dtype in list("dtypes") {
        for bits in list("bits") {
            for group_size in list("group_sizes") {
                cases.push(case(&golden, dtype.as_str().unwrap(), &bits, &group_size));
            }
        }
    }
    assert_eq!(cases.len(), 18);
    cases
}

fn case(golden: &Golden, dtype: &str, bits: &Value, group_size: &Value) -> Case {
    let name = |part: &str| format!("{dtype}.{bits}.{group_size}.{part}");
    let half = dtype == "bfloat16";
    let round = |w: f32| if half { bf16::from_f32(w).to_f32() } else { w };
    Case {
        bits: Bits::new(bits.as_u64().unwrap() as usize).unwrap(),
        group_size: group_size.as_u64().unwrap() as usize,
        half,
        weights: golden.f32("weights").1.into_iter().map(round).collect(),
        packed: golden.u32(&name("packed")).1.iter().flat_map(|word| word.to_le_bytes()).collect(),
        scales: golden.f32(&name("scales")).1,
        biases: golden.f32(&name("biases")).1,
        dequantized: golden.f32(&name("dequantized")).1,
    }
}

fn halves(values: &[f32]) -> Vec<bf16> {
    values.iter().map(|&v| bf16::from_f32(v)).collect()
}

#[test]
fn groups_are_dequantised_as_by_mlx() {
    for case in cases() {
        let (scales, biases) = (halves(&case.scales), halves(&case.biases));
        let (scales, biases) = match case.half {
            true => (Floats::Bf16(&scales), Floats::Bf16(&biases)),
            false => (Floats::F32(&case.scales), Floats::F32(&case.biases)),
        };
        let Case { bits: width, group_size, ref packed, .. } = case;
        let affine = Affine { bits: width, group_size, packed, scales, biases };
        let mut weights = vec![f32::NAN; affine.len()];
        affine.dequantize(0, &mut weights);
        assert_eq!(bits(&weights), bits(&case.dequantized), "{width:?} by {group_size}");
    }
}

#[test]
fn groups_are_quantised_as_by_mlx() {
    for case in cases() {
        let Case { bits: width, group_size, ref weights, .. } = case;
        let half = halves(weights);
        for context in contexts(1) {
            let place = format!("{:?}, {width:?} by {group_size}", context.isa());
            let (packed, scales, biases) = if case.half {
                let made: AffineGroups<bf16> =
                    quantize(&context, Floats::Bf16(&half), width, group_size, Rounding::Nearest);
                let wide = |values: &[bf16]| values.iter().map(|v| v.to_f32()).collect::<Vec<_>>();
                (made.packed, wide(&made.scales), wide(&made.biases))
            } else {
                let made: AffineGroups =
                    quantize(&context, Floats::F32(weights), width, group_size, Rounding::Nearest);
                (made.packed, made.scales, made.biases)
            };
            assert_eq!(packed, case.packed, "{place}");
            assert_eq!(bits(&scales), bits(&case.scales), "{place}");
            assert_eq!(bits(&biases), bits(&case.biases), "{place}");
        }
    }
}
