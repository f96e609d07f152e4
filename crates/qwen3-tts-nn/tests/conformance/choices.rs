//! Ids, and sampling them from logits.

use qwen3_tts_nn::{Constraints, Device, Error, Ids, Sampler, SamplingParams, Tensor};
use qwen3_tts_testkit::Golden;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::{noise, on_every_device};

const VOCAB: usize = 200;

fn logits(seed: u32) -> Vec<f32> {
    noise(VOCAB, seed).into_iter().map(|v| v * 8.0).collect()
}

fn choose(logits: &[f32], params: SamplingParams, c: &Constraints<'_>, device: &Device) -> u32 {
    let logits = Tensor::from_vec(logits.to_vec(), &[1, 1, logits.len()], device);
    Ids::read(&[Sampler::new(params, 5, 0).sample(&logits, c, "logits")]).unwrap()[0]
}

#[test]
fn ids_come_back_in_order() {
    on_every_device(|device| {
        let runs = [Ids::new(&[3, 1], device), Ids::new(&[], device), Ids::new(&[7], device)];
        assert_eq!(Ids::read(&runs).unwrap(), [3, 1, 7]);
        assert_eq!(runs[0].known(), Some(&[3, 1][..]));
        assert!(Ids::read(&[]).unwrap().is_empty());
    });
}

#[test]
fn greedy_takes_the_largest_allowed_logit_after_the_penalty() {
    let mut logits = vec![-1.0; 10];
    logits[2] = 5.0;
    logits[3] = 4.0;
    logits[4] = 4.0;
    logits[8] = 9.0;
    let penalty = |penalty| SamplingParams::GREEDY.repetition_penalty(penalty);
    let none = Constraints::default();
    on_every_device(|device| {
        assert_eq!(choose(&logits, penalty(1.0), &none, device), 8);
        let tail = Constraints::default().suppressed(5..10);
        assert_eq!(choose(&logits, penalty(1.0), &tail, device), 2);
        let exempt = tail.clone().exempt(Some(8));
        assert_eq!(choose(&logits, penalty(1.0), &exempt, device), 8);
        let forbidden = exempt.forbidden(Some(8));
        assert_eq!(choose(&logits, penalty(1.0), &forbidden, device), 2);
        // 5 / 1.5 is below 4, once; the first of the two 4s is taken.
        let history = tail.clone().history(&[2, 2]);
        assert_eq!(choose(&logits, penalty(1.5), &history, device), 3);
        // 5 / 1.2 is not; only a penalty for each occurrence would take it below.
        assert_eq!(choose(&logits, penalty(1.2), &history, device), 2);
        // A negative logit is multiplied.
        let negative: Vec<f32> = logits.iter().map(|v| v - 10.0).collect();
        let history = Constraints::default().history(&[8]);
        assert_eq!(choose(&negative, penalty(6.0), &history, device), 2);
    });
}

#[test]
fn the_penalty_divides_positive_logits_and_multiplies_negative_ones() {
    let params = SamplingParams::GREEDY.repetition_penalty(1.05);
    let seen = Constraints::default().history(&[0]);
    on_every_device(|device| {
        // 2 / 1.05 is 1.90476, and −2 · 1.05 is −2.1.
        for (logit, below, above) in [(2.0, 1.9047, 1.9048), (-2.0, -2.1001, -2.0999)] {
            assert_eq!(choose(&[logit, below], params, &seen, device), 0);
            assert_eq!(choose(&[logit, above], params, &seen, device), 1);
        }
    });
}

const SEED: u64 = 3;
const DRAWS: usize = 1000;

/// Returns the numbers in [0, 1) that a sampler with [`SEED`] and stream 0 draws.
fn uniforms() -> Vec<f64> {
    let mut key = [0; 32];
    key[0] = SEED as u8;
    key[16..24].copy_from_slice(b"qwen3tts");
    let mut rng = Pcg64::from_seed(key);
    (0..DRAWS).map(|_| f64::from(rng.next_u32() >> 8) / f64::from(1 << 24)).collect()
}

/// The probabilities are those of the official package's chain: each draw is the id at which their
/// sum passes the sampler's number.
#[test]
fn draws_follow_the_official_probabilities() {
    let golden = Golden::load("operations/sampling");
    let vocab = golden.number("vocab_size");
    let eos = golden.number("codec_eos_token_id") as u32;
    let settings = golden.request["settings"].as_object().unwrap();
    assert!(settings.len() >= 15);
    let uniforms = uniforms();
    on_every_device(|device| {
        for (name, setting) in settings {
            println!("{name}");
            let number = |key: &str| setting[key].as_f64().unwrap() as f32;
            let params = SamplingParams::GREEDY
                .do_sample(setting["do_sample"].as_bool().unwrap())
                .temperature(number("temperature"))
                .top_k(setting["top_k"].as_u64().unwrap() as usize)
                .top_p(number("top_p"))
                .repetition_penalty(number("repetition_penalty"));
            let history = setting["history"].as_array().unwrap().iter();
            let history: Vec<u32> = history.map(|id| id.as_u64().unwrap() as u32).collect();
            let constraints = Constraints::default()
                .history(&history)
                .suppressed(golden.number("suppressed_from") as u32..vocab as u32)
                .exempt(Some(eos))
                .forbidden((history.len() < golden.number("min_new_tokens")).then_some(eos));
            let logits = golden.f32(&format!("{name}.logits")).1;
            let logits = Tensor::from_vec(logits, &[1, 1, vocab], device);
            let mut sampler = Sampler::new(params, SEED, 0);
            let sample = |_| sampler.sample(&logits, &constraints, "logits");
            let ids = Ids::read(&(0..DRAWS).map(sample).collect::<Vec<_>>()).unwrap();

            let logarithms = golden.f32(&format!("{name}.log_probabilities")).1;
            let probabilities: Vec<f64> = logarithms.iter().map(|l| f64::from(*l).exp()).collect();
            match params.do_sample {
                true => assert_draws(&ids, &probabilities, &uniforms),
                false => assert_greatest(&ids, &probabilities),
            }
        }
    });
}

/// Asserts that each id is that at which the sum of the probabilities passes the uniform number.
#[track_caller]
fn assert_draws(ids: &[u32], probabilities: &[f64], uniforms: &[f64]) {
    // What float32 leaves of a sum of a thousand probabilities.
    let rounding = 1e-5;
    for (id, uniform) in ids.iter().zip(uniforms) {
        let id = *id as usize;
        let below: f64 = probabilities[..id].iter().sum();
        let (from, to) = (below - rounding, below + probabilities[id] + rounding);
        assert!(probabilities[id] > 0.0, "{id} was filtered out");
        assert!((from..to).contains(uniform), "{id} is from {from} to {to}, not at {uniform}");
    }
}

/// Asserts that each id is the first of the most likely ones.
#[track_caller]
fn assert_greatest(ids: &[u32], probabilities: &[f64]) {
    let greatest = probabilities.iter().copied().fold(0.0, f64::max);
    let first = probabilities.iter().position(|p| *p == greatest).unwrap() as u32;
    assert!(ids.iter().all(|id| *id == first), "{first}: {ids:?}");
}

#[test]
fn draws_are_those_of_the_cpu() {
    let cpu = Device::cpu(1);
    let sampling = SamplingParams::GREEDY.do_sample(true);
    let constraints = Constraints::default()
        .history(&[3, 17, 17, 90])
        .suppressed(150..VOCAB as u32)
        .exempt(Some(160))
        .forbidden(Some(12));
    let settings = [
        sampling,
        sampling.temperature(0.6),
        sampling.top_k(7),
        sampling.top_p(0.7),
        sampling.temperature(2.0).top_k(50).top_p(0.9).repetition_penalty(1.3),
    ];
    on_every_device(|device| {
        for params in settings {
            let draws = |device: &Device| -> Vec<u32> {
                let mut sampler = Sampler::new(params, 11, 0);
                let draw = |seed| {
                    let logits = Tensor::from_vec(logits(seed), &[1, 1, VOCAB], device);
                    sampler.sample(&logits, &constraints, "logits")
                };
                Ids::read(&(0..120).map(draw).collect::<Vec<_>>()).unwrap()
            };
            let expected = draws(&cpu);
            let distinct: std::collections::BTreeSet<u32> = expected.iter().copied().collect();
            assert!(distinct.len() > 30, "{distinct:?}");
            assert_eq!(draws(device), expected, "{params:?}");
        }
    });
}

#[test]
fn equal_logits_are_filtered_alike() {
    let cpu = Device::cpu(1);
    let params = SamplingParams::GREEDY.do_sample(true).top_k(3).top_p(0.5);
    on_every_device(|device| {
        for logits in [vec![1.0; 8], vec![1.0, 2.0, 2.0, 2.0, 0.0, 2.0]] {
            let none = Constraints::default();
            assert_eq!(
                choose(&logits, params, &none, device),
                choose(&logits, params, &none, &cpu)
            );
        }
    });
}

#[test]
fn logits_that_are_not_finite_are_refused_when_the_ids_are_read() {
    on_every_device(|device| {
        let mut sampler = Sampler::new(SamplingParams::GREEDY, 0, 0);
        for damage in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = logits(1);
            let good = Tensor::from_vec(values.clone(), &[1, 1, VOCAB], device);
            values[77] = damage;
            let bad = Tensor::from_vec(values, &[1, 1, VOCAB], device);
            let none = Constraints::default();
            let good = sampler.sample(&good, &none, "good logits");
            let bad = sampler.sample(&bad, &none, "bad logits");
            assert!(bad.known().is_none());
            let error = Ids::read(&[good.clone(), bad]).unwrap_err();
            assert!(matches!(error, Error::NonFinite { what: "bad logits" }), "{error}");
            assert!(Ids::read(&[good]).is_ok());
        }
    });
}
