//! Synthetic recordings.

/// Returns the signal of `goldens_encoder.py`, bit for bit, mono at 24 kHz: a gliding triangle wave
/// with an envelope and some noise, in multiples of 2⁻¹⁶.
pub fn signal(n_samples: usize) -> Vec<f32> {
    let sample = |n: i64| {
        let phase = (n * 400 + n * n / 900) % 65536;
        let triangle = (phase - 32768).abs() - 16384;
        let envelope = ((n * 3) % 65536 - 32768).abs() / 256;
        let random = (n * 1_103_515_245 + 12345) % 2_147_483_648 * 69069 % 2_147_483_648;
        let noise = random / 131_072 - 8192;
        let value = (triangle * envelope).div_euclid(128) + noise.div_euclid(8);
        value as f32 / 65536.0
    };
    (0..n_samples as i64).map(sample).collect()
}

/// The noise of `goldens_resampling.py`, bit for bit: cubes modulo a prime, at full scale and of all
/// frequencies.
pub fn noise(n_samples: usize) -> Vec<f32> {
    let sample = |n: i64| (n * n % 65_537 * n % 65_537 - 32_768) as f32 / 32_768.0;
    (1..=n_samples as i64).map(sample).collect()
}
