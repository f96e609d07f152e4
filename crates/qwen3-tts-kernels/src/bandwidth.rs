//! The memory bandwidth of a thread pool: the bound of products with one token.

use std::hint::black_box;
use std::time::Instant;

use crate::memory::WeightMemory;
use crate::pool::Pool;

/// Number of words per task.
const TASK: usize = 1 << 17;

/// Number of passes over the buffer.
const PASSES: usize = 6;

/// Returns the rate in bytes per second at which the threads of a pool read memory: the best of a few
/// passes over a buffer of about `bytes`, in the memory of packed weights. It should be larger than any
/// cache.
pub fn read_bandwidth(pool: &Pool, bytes: usize) -> f64 {
    let tasks = (bytes / size_of::<u64>() / TASK).max(1);
    let mut memory = WeightMemory::default().zeros(tasks * TASK * size_of::<u64>());
    let fill = |(word, value): (&mut u64, u64)| *word = value;
    memory.of_mut().iter_mut().zip(0..).for_each(fill);
    let memory = memory.of::<u64>();
    let pass = || {
        let begin = Instant::now();
        pool.run(tasks, |task| {
            let words = &memory[task * TASK..][..TASK];
            black_box(words.iter().fold(0u64, |sum, word| sum.wrapping_add(*word)));
        });
        size_of_val(memory) as f64 / begin.elapsed().as_secs_f64()
    };
    (0..PASSES).map(|_| pass()).fold(0.0, f64::max)
}
