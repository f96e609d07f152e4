//! The harness of mutated inputs finds parsers that panic or take too much memory.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use peak_alloc::PeakAlloc;
use qwen3_tts_testkit::{MemoryLimit, Seed, mutations, survive_mutations};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const LIMIT: MemoryLimit = MemoryLimit { allocator: &MEMORY, fixed: 1 << 16, factor: 4 };

fn seeds() -> [Seed; 2] {
    [Seed::new("zeros", [0; 100]), Seed::new("text", *b"{\"size\": 100}")]
}

fn failure(parse: impl Fn(&[u8])) -> String {
    let survive = || survive_mutations("parser", &seeds(), LIMIT, parse);
    let panic = catch_unwind(AssertUnwindSafe(survive)).expect_err("a failure");
    panic.downcast_ref::<String>().expect("a message").clone()
}

#[test]
fn a_sound_parser_sees_every_case() {
    let cases = Cell::new(0);
    survive_mutations("parser", &seeds(), LIMIT, |bytes| {
        cases.set(cases.get() + 1);
        drop(bytes.to_vec());
    });
    assert_eq!(cases.get(), mutations());
}

#[test]
fn a_panic_is_reported_with_its_case() {
    let message = failure(|bytes| assert!(!bytes.contains(&0xff)));
    assert!(message.starts_with("parser: case ") && message.contains(" panics; "), "{message}");
}

#[test]
fn memory_beyond_the_limit_is_reported() {
    let message = failure(|bytes| {
        let promised = bytes.iter().rev().take(8).fold(0, |sum, &byte| sum * 2 + usize::from(byte));
        drop(std::hint::black_box(vec![1_u8; promised * 100]));
    });
    assert!(message.contains(" allowed; "), "{message}");
}
