//! Parsers on mutated inputs: no panic, no hang, no memory beyond what the input explains.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, Once};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Longest time that a parser may take for one input.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Mutated inputs per parser, unless the environment variable `QWEN3_TTS_MUTATIONS` says another
/// number.
const DEFAULT_CASES: u64 = 2_000;

/// Numbers at which arithmetic overflows or loops end, as text for JSON.
const NUMBERS: [&str; 10] = [
    "-1",
    "0",
    "1",
    "1e999",
    "-1e-999",
    "0.5",
    "255",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999",
];

/// Tokens that change the structure of JSON.
const TOKENS: [&str; 12] =
    ["null", "true", "[", "]", "{", "}", "\"", ",", ":", "[[[[[[[[", "\\ud800", "\0"];

/// A well-formed input and the name by which failures call it.
pub struct Seed {
    /// Name in messages.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Seed {
    /// Creates a seed.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    /// Reads a file as a seed.
    ///
    /// # Panics
    /// Panics if the file cannot be read.
    #[track_caller]
    pub fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Self::new(path.file_name().unwrap_or_default().to_string_lossy(), bytes)
    }
}

/// Memory that a parser may have in use: `fixed` bytes, and `factor` bytes per byte of input.
#[derive(Clone, Copy)]
pub struct MemoryLimit {
    /// The global allocator of the test program.
    pub allocator: &'static PeakAlloc,
    /// Bytes for any input.
    pub fixed: usize,
    /// Bytes per byte of input.
    pub factor: usize,
}

/// Returns the number of mutated inputs per parser.
///
/// # Panics
/// Panics if `QWEN3_TTS_MUTATIONS` is not a number.
pub fn mutations() -> u64 {
    std::env::var("QWEN3_TTS_MUTATIONS").map_or(DEFAULT_CASES, |number| {
        number.parse().expect("QWEN3_TTS_MUTATIONS is a number of inputs")
    })
}

/// Runs `parse` on [`mutations`] inputs made from `seeds`. The inputs are the same in every run.
///
/// # Panics
/// Panics if `parse` does or has more memory in use than `limit` allows; aborts if it takes longer
/// than ten seconds. The input is left in the temporary directory.
#[track_caller]
pub fn survive_mutations(parser: &str, seeds: &[Seed], limit: MemoryLimit, parse: impl Fn(&[u8])) {
    // Memory is counted for the whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // The default hook may capture a backtrace, which takes megabytes.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
    let watchdog = Watchdog::start();
    for number in 0..mutations() {
        let case = Arc::new(Case::new(parser, seeds, number));
        let before = limit.allocator.current_usage();
        limit.allocator.reset_peak_usage();
        watchdog.watch(Some(Arc::clone(&case)));
        let outcome = catch_unwind(AssertUnwindSafe(|| parse(&case.input)));
        watchdog.watch(None);
        assert!(outcome.is_ok(), "{}", case.failure("panics"));
        let used = limit.allocator.peak_usage().saturating_sub(before);
        let allowed = limit.fixed + limit.factor * case.input.len();
        let fault = format!("takes {used} bytes, {allowed} allowed");
        assert!(used <= allowed, "{}", case.failure(&fault));
    }
}

/// A mutated input of a parser.
struct Case {
    parser: String,
    seed: String,
    number: u64,
    input: Vec<u8>,
}

impl Case {
    fn new(parser: &str, seeds: &[Seed], number: u64) -> Self {
        let seed = seeds[seed_of(seeds, number)].name.clone();
        Self { parser: parser.to_owned(), seed, number, input: mutate(seeds, number) }
    }

    /// Returns the message of a failure, with the path of a file that holds the input.
    fn failure(&self, fault: &str) -> String {
        let Self { parser, seed, number, input } = self;
        let path = std::env::temp_dir().join(format!("qwen3-tts-mutation-{parser}-{number}"));
        let written = std::fs::write(&path, input).map(|()| path);
        format!("{parser}: case {number} of {seed} {fault}; input: {written:?}")
    }
}

fn seed_of(seeds: &[Seed], case: u64) -> usize {
    (case % seeds.len() as u64) as usize
}

/// Returns the mutated input of number `case`, which is the same in every run.
pub fn mutate(seeds: &[Seed], case: u64) -> Vec<u8> {
    let mut random = Random(Pcg64::seed_from_u64(case));
    let mut bytes = seeds[seed_of(seeds, case)].bytes.clone();
    for _ in 0..=random.below(6) {
        let other = &seeds[random.below(seeds.len())].bytes;
        random.edit(&mut bytes, other);
    }
    bytes
}

struct Random(Pcg64);

impl Random {
    /// Returns a number below `end`; 0 if `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end.max(1) as u64) as usize
    }

    /// Returns one of `choices`.
    fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Returns a position in `len` bytes: every other time among the first 512, where headers are.
    fn position(&mut self, len: usize) -> usize {
        let end = if self.below(2) == 0 { len.min(512) } else { len };
        self.below(end)
    }

    /// Returns a range of up to `longest` bytes.
    fn range(&mut self, len: usize, longest: usize) -> Range<usize> {
        let start = self.position(len);
        start..(start + 1 + self.below(longest)).min(len)
    }

    fn edit(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let len = bytes.len();
        let at = self.position(len);
        match self.below(12) {
            0 if len > 0 => bytes[at] ^= 1 << self.below(8),
            1 if len > 0 => bytes[at] = self.one(&[0, 1, 0x7f, 0x80, 0xfe, 0xff]),
            2 if len > 0 => bytes[at] = self.0.next_u32() as u8,
            3 => self.overwrite_number(bytes, at),
            4 => self.add_to_number(bytes, at),
            5 => drop(bytes.drain(self.range(len, 64))),
            6 => bytes.truncate(self.below(len)),
            7 => {
                let range = self.range(len, 256);
                let copy = bytes[range].to_vec();
                bytes.splice(at..at, copy);
            }
            8 => {
                let range = self.range(other.len(), 256);
                bytes.splice(at..at, other[range].iter().copied());
            }
            9 => {
                let random: Vec<u8> =
                    (0..self.below(16)).map(|_| self.0.next_u32() as u8).collect();
                bytes.splice(at..at, random);
            }
            10 => self.replace_digits(bytes, at),
            _ => {
                let end = (at + self.below(4)).min(len);
                bytes.splice(at..end, self.one(&TOKENS).bytes());
            }
        }
    }

    /// Writes an extreme integer of 2, 4 or 8 bytes in either byte order.
    fn overwrite_number(&mut self, bytes: &mut [u8], at: usize) {
        let number: u64 = self.one(&[
            0,
            1,
            0x7fff,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_fffe,
            0xffff_ffff,
            1 << 40,
            i64::MAX as u64,
            u64::MAX,
        ]);
        let width = self.one(&[2, 4, 8]);
        let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
        let number = if self.below(2) == 0 { &little[..width] } else { &big[8 - width..] };
        if let Some(target) = bytes.get_mut(at..at + width) {
            target.copy_from_slice(number);
        }
    }

    /// Adds a small number to a 32-bit integer in either byte order.
    fn add_to_number(&mut self, bytes: &mut [u8], at: usize) {
        let Some(target) = bytes.get_mut(at..at + 4) else { return };
        let mut number: [u8; 4] = (&*target).try_into().expect("four bytes");
        let step = (self.below(33) as u32).wrapping_sub(16);
        number = match self.below(2) {
            0 => u32::from_le_bytes(number).wrapping_add(step).to_le_bytes(),
            _ => u32::from_be_bytes(number).wrapping_add(step).to_be_bytes(),
        };
        target.copy_from_slice(&number);
    }

    /// Replaces the first run of digits from `at` on.
    fn replace_digits(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
        let start = at + start;
        let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        bytes.splice(start..start + digits, self.one(&NUMBERS).bytes());
    }
}

/// A thread that aborts the process if a case takes longer than ten to twenty seconds.
struct Watchdog {
    shared: Arc<(Mutex<State>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// Case that runs.
    case: Option<Arc<Case>>,
    ends: bool,
}

impl Watchdog {
    fn start() -> Self {
        let shared = Arc::<(Mutex<State>, Condvar)>::default();
        let state = Arc::clone(&shared);
        let thread = std::thread::spawn(move || watch(&state.0, &state.1));
        Self { shared, thread: Some(thread) }
    }

    /// Starts the time of a case, or ends that of the last one.
    fn watch(&self, case: Option<Arc<Case>>) {
        self.shared.0.lock().expect(STATE).case = case;
    }
}

const STATE: &str = "no thread panics with the watchdog's state";

/// Looks every ten seconds, and aborts if the case is the one of last time.
fn watch(state: &Mutex<State>, changed: &Condvar) {
    let mut guard = state.lock().expect(STATE);
    let mut last = None;
    while !guard.ends {
        let (next, wait) = changed.wait_timeout(guard, TIME_LIMIT).expect(STATE);
        guard = next;
        if !wait.timed_out() {
            continue;
        }
        match &guard.case {
            Some(case) if last == Some(case.number) => {
                eprintln!("{}", case.failure("takes more than ten seconds"));
                std::process::abort();
            }
            case => last = case.as_ref().map(|case| case.number),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.0.lock().expect(STATE).ends = true;
        self.shared.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn seeds() -> Vec<Seed> {
        vec![
            Seed::new("text", *b"{\"sizes\": [12, 34, 56], \"name\": \"a longer text than that\"}"),
            Seed::new("bytes", (0..=255).collect::<Vec<u8>>()),
            Seed::new("nothing", []),
        ]
    }

    #[test]
    fn inputs_are_the_same_in_every_run_and_differ_from_each_other() {
        let seeds = seeds();
        let inputs: Vec<_> = (0..300).map(|case| mutate(&seeds, case)).collect();
        assert!((0..300).all(|case| mutate(&seeds, case) == inputs[case as usize]));
        assert!(inputs.iter().collect::<HashSet<_>>().len() > 200);
        let unchanged =
            inputs.iter().enumerate().filter(|(i, bytes)| **bytes == seeds[i % 3].bytes);
        assert!(unchanged.count() < 60);
    }

    #[test]
    fn numbers_in_text_become_extreme() {
        let seeds = seeds();
        let inputs: Vec<_> = (0..3_000).map(|case| mutate(&seeds[..1], case)).collect();
        for number in ["18446744073709551615", "1e999"] {
            let has = |input: &Vec<u8>| String::from_utf8_lossy(input).contains(number);
            assert!(inputs.iter().any(has), "{number}");
        }
    }
}
