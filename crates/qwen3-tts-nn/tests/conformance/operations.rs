//! Shapes, and elementwise operations.

use qwen3_tts_nn::{SnakeBeta, Tensor};

use crate::{assert_formula, doubled, noise, on_every_device, tensor, weights};

#[test]
fn shapes_change_as_row_major_arrays_do() {
    on_every_device(|device| {
        let values: Vec<f32> = (0..2 * 3 * 4).map(|i| i as f32).collect();
        let x = Tensor::from_vec(values.clone(), &[2, 3, 4], device);
        assert_eq!(x.shape().dims(), [2, 3, 4]);
        assert_eq!(x.to_vec(), values);
        assert_eq!(x.reshape(&[4, 6]).to_vec(), values);
        let at = |i: usize, j: usize, k: usize| (12 * i + 4 * j + k) as f32;
        assert_eq!(x.narrow(0, 1, 1).to_vec(), values[12..]);
        let middle = x.narrow(1, 1, 2);
        assert_eq!(middle.shape().dims(), [2, 2, 4]);
        let expected = [at(0, 1, 0), at(0, 1, 1), at(0, 1, 2), at(0, 1, 3), at(0, 2, 0)];
        assert_eq!(middle.to_vec()[..5], expected);
        assert_eq!(middle.to_vec()[8], at(1, 1, 0));
        let channel = x.narrow(2, 3, 1);
        let expected = [at(0, 0, 3), at(0, 1, 3), at(0, 2, 3), at(1, 0, 3)];
        assert_eq!(channel.to_vec()[..4], expected);
        assert_eq!(x.narrow(1, 2, 1).to_vec(), x.last_step().to_vec());
        assert_eq!(x.narrow(1, 2, 0).shape().dims(), [2, 0, 4]);
        assert!(x.narrow(1, 2, 0).to_vec().is_empty());
        for time in 1..5 {
            let pieces: Vec<Tensor> = x.pieces(time).collect();
            assert!(pieces.len() == 1 || pieces.iter().all(|piece| piece.dim(1) <= time));
            assert_eq!(Tensor::cat(&pieces.iter().collect::<Vec<_>>(), 1).to_vec(), values);
        }
        for axis in 0..3 {
            let whole = x.dim(axis);
            let [left, right] = [x.narrow(axis, 0, 1), x.narrow(axis, 1, whole - 1)];
            let joined = Tensor::cat(&[&left, &right], axis);
            assert_eq!(joined.shape().dims(), [2, 3, 4], "axis {axis}");
            assert_eq!(joined.to_vec(), values, "axis {axis}");
        }
        assert_eq!(Tensor::zeros(&[2, 2], device).to_vec(), [0.0; 4]);
    });
}

#[test]
fn functions_of_one_value_match_their_definitions() {
    type Case = (fn(&Tensor) -> Tensor, fn(f64) -> f64);
    let cases: [Case; 7] = [
        (Tensor::silu, |x| x / (1.0 + (-x).exp())),
        (Tensor::gelu, |x| x / 2.0 * (1.0 + libm::erf(x / 2f64.sqrt()))),
        (Tensor::elu, |x| if x > 0.0 { x } else { x.exp_m1() }),
        (Tensor::relu, |x| x.max(0.0)),
        (Tensor::sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        (Tensor::tanh, f64::tanh),
        (|x| x.clamp(-0.5, 2.0), |x| x.clamp(-0.5, 2.0)),
    ];
    let mut values: Vec<f32> = noise(300, 1).iter().map(|v| v * 6.0).collect();
    values.extend([0.0, -0.0, 1e-6, -1e-6, 40.0, -40.0]);
    on_every_device(|device| {
        for (number, (operation, definition)) in cases.iter().enumerate() {
            println!("operation {number}");
            let x = tensor(&values, 6, device);
            assert_formula(&operation(&x), doubled(&values).into_iter().map(definition));
        }
    });
}

#[test]
fn functions_of_two_tensors_match_their_definitions() {
    let (x, y, row) = (noise(5 * 8, 1), noise(5 * 8, 2), noise(8, 3));
    let (xs, ys, rows) = (doubled(&x), doubled(&y), doubled(&row));
    let of_both = |f: fn(f64, f64) -> f64| -> Vec<f64> {
        xs.iter().zip(&ys).map(|(x, y)| f(*x, *y)).collect()
    };
    let of_row = |f: fn(f64, f64) -> f64| -> Vec<f64> {
        xs.iter().zip(rows.iter().cycle()).map(|(x, y)| f(*x, *y)).collect()
    };
    on_every_device(|device| {
        let [x, y] = [&x, &y].map(|values| tensor(values, 8, device));
        for row in [tensor(&row, 8, device), Tensor::from_vec(row.clone(), &[8], device)] {
            assert_formula(&x.add(&row), of_row(|x, y| x + y));
            assert_formula(&x.mul(&row), of_row(|x, y| x * y));
            let scaled = (0..xs.len()).map(|i| xs[i] + rows[i % 8] * ys[i]);
            assert_formula(&x.scaled_add(&y, &row), scaled);
        }
        assert_formula(&x.add(&y), of_both(|x, y| x + y));
        assert_formula(&x.sub(&y), of_both(|x, y| x - y));
        assert_formula(&x.mul(&y), of_both(|x, y| x * y));
        assert_formula(&x.silu_mul(&y), of_both(|x, y| x / (1.0 + (-x).exp()) * y));
    });
}

#[test]
fn statistics_weight_the_time_steps_by_their_logits() {
    let (time, channels) = (9, 3);
    let (x, logits) = (noise(time * channels, 1), noise(time * channels, 2));
    let column = |values: &[f32], c: usize| -> Vec<f64> {
        doubled(values).into_iter().skip(c).step_by(channels).collect()
    };
    on_every_device(|device| {
        for with_logits in [false, true] {
            for floor in [0.0f32, 0.4] {
                let tensors = [&x, &logits].map(|values| tensor(values, channels, device));
                let (mean, deviation) =
                    tensors[0].statistics(with_logits.then_some(&tensors[1]), floor);
                assert_eq!(mean.shape().dims(), [1, 1, channels]);
                let mut expected = [Vec::new(), Vec::new()];
                for c in 0..channels {
                    let x = column(&x, c);
                    let exp = column(&logits, c)
                        .into_iter()
                        .map(|l| if with_logits { l.exp() } else { 1.0 });
                    let weights: Vec<f64> = exp.collect();
                    let sum: f64 = weights.iter().sum();
                    let average = |values: &mut dyn Iterator<Item = f64>| -> f64 {
                        values.zip(&weights).map(|(v, w)| v * w / sum).sum()
                    };
                    let center = average(&mut x.iter().copied());
                    let variance = average(&mut x.iter().map(|v| (v - center).powi(2)));
                    expected[0].push(center);
                    expected[1].push(variance.max(f64::from(floor)).sqrt());
                }
                let [means, deviations] = expected;
                assert_formula(&mean, means);
                assert_formula(&deviation, deviations);
            }
        }
    });
}

#[test]
fn snake_beta_matches_its_definition() {
    let (alpha, beta, x) = (noise(4, 1), noise(4, 2), noise(40, 3));
    on_every_device(|device| {
        let weights = weights(&[("alpha", &[4], &alpha), ("beta", &[4], &beta)], false);
        let snake = SnakeBeta::load(&weights, 4, device).unwrap();
        let value = |(i, x): (usize, &f32)| {
            let (x, alpha, beta) = (f64::from(*x), f64::from(alpha[i % 4]), f64::from(beta[i % 4]));
            x + (x * alpha.exp()).sin().powi(2) / (beta.exp() + 1e-9)
        };
        assert_formula(&snake.forward(&tensor(&x, 4, device)), x.iter().enumerate().map(value));
    });
}
