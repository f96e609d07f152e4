//! Interleaved multimodal rope at equal position rows is plain rope.

use qwen3_tts_nn::{Device, Rope, Tensor};
use qwen3_tts_testkit::{Golden, assert_close};

#[test]
fn rope_is_the_official_interleaved_mrope_at_equal_positions() {
    Device::all().iter().for_each(assert_official_mrope);
}

fn assert_official_mrope(device: &Device) {
    let golden = Golden::load("operations/mrope");
    let (_, positions) = golden.u32("positions");
    assert!(positions.len() > 4 && positions.iter().max() > Some(&1000));
    for head_dim in [128, 32] {
        let rope = Rope::new(head_dim, golden.number("rope_theta") as f32);
        for kind in ["query", "key"] {
            let (shape, values) = golden.f32(&format!("{kind}_{head_dim}"));
            let (_, expected) = golden.f32(&format!("{kind}_rotated_{head_dim}"));
            let row = shape[1] * shape[2];
            for (i, position) in positions.iter().enumerate() {
                let x = values[i * row..(i + 1) * row].to_vec();
                let x = Tensor::from_vec(x, &[1, 1, shape[1], head_dim], device);
                let y = rope.positions(*position as usize, 1).rotate(&x);
                assert_close(&y.to_vec(), &expected[i * row..(i + 1) * row], 5e-6);
            }
        }
    }
}

/// Spells out the reference's interleaving: with three equal rows every frequency gets the same
/// position, for any sections.
#[test]
fn every_frequency_of_interleaved_mrope_gets_the_same_position() {
    let (sections, half) = ([24, 20, 20], 64);
    let mut row_of_frequency = vec![0; half];
    for (row, section) in sections.iter().enumerate().skip(1) {
        for i in (row..section * sections.len()).step_by(sections.len()) {
            row_of_frequency[i] = row;
        }
    }
    assert_eq!(row_of_frequency.iter().filter(|row| **row == 0).count(), sections[0]);
    assert_eq!(row_of_frequency.iter().filter(|row| **row == 1).count(), sections[1]);
    let position_rows = [17, 17, 17];
    assert!(row_of_frequency.iter().all(|row| position_rows[*row] == 17));
}

#[test]
fn positions_of_one_step_equal_positions_one_by_one() {
    let rope = Rope::new(8, 10_000.0);
    let device = Device::cpu(1);
    let values: Vec<f32> = (0..5 * 2 * 8).map(|i| (i as f32 * 0.7).sin()).collect();
    let x = Tensor::from_vec(values, &[1, 5, 2, 8], &device);
    let whole = rope.positions(11, 5).rotate(&x).to_vec();
    for t in 0..5 {
        let one = rope.positions(11 + t, 1).rotate(&x.narrow(1, t, 1)).to_vec();
        assert_eq!(one, whole[t * 16..(t + 1) * 16]);
    }
}
