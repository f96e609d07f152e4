//! Results as Python objects.

use std::ops::Range;
use std::time::Duration;

use numpy::ndarray::Array2;
use numpy::{PyArray2, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use qwen3_tts_pipeline::{PieceOutput, SpeechCodes, SpeechOutput, StageTimings};

use crate::error::invalid_request;

/// Returns codes as an array of frames × codebooks.
///
/// # Errors
/// Returns an exception if the frames differ in length.
pub fn codes_array<'py>(
    py: Python<'py>,
    codes: &[Vec<u32>],
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let width = codes.first().map_or(0, Vec::len);
    let flat = codes.iter().flatten().map(|&code| i64::from(code)).collect();
    let array = Array2::from_shape_vec((codes.len(), width), flat);
    let array =
        array.map_err(|_| invalid_request(py, "the frames of the codes differ in length"))?;
    Ok(array.to_pyarray(py))
}

/// Returns the codes of an array of frames × codebooks.
///
/// # Errors
/// Returns an exception if a code is negative or far too large.
pub fn codes_of(py: Python<'_>, codes: &PyReadonlyArray2<'_, i64>) -> PyResult<SpeechCodes> {
    let frame = |(index, frame): (usize, numpy::ndarray::ArrayView1<'_, i64>)| {
        let code = |&code| {
            let refused =
                |_| invalid_request(py, format!("codes: frame {index}: {code} is not a code"));
            u32::try_from(code).map_err(refused)
        };
        frame.iter().map(code).collect::<PyResult<Vec<u32>>>()
    };
    let frames = codes.as_array();
    let codes = frames.outer_iter().enumerate().map(frame).collect::<PyResult<_>>()?;
    Ok(SpeechCodes { codes })
}

/// Returns all of a speech but its audio.
pub fn speech<'py>(
    py: Python<'py>,
    output: &SpeechOutput,
    ranges: &[Range<usize>],
) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    result.set_item("sample_rate", output.sample_rate)?;
    result.set_item("n_samples", output.n_samples)?;
    result.set_item("codes", codes_array(py, &output.codes.codes)?)?;
    result.set_item("stop_reason", output.stop_reason.name())?;
    result.set_item("seed", output.seed)?;
    result.set_item("prompt_tokens", output.prompt_tokens)?;
    result.set_item("timings", timings(py, &output.timings)?)?;
    result.set_item("processing_seconds", output.processing_time.as_secs_f64())?;
    let pieces = output.pieces.iter().map(|output| piece(py, output, ranges));
    result.set_item("pieces", pieces.collect::<PyResult<Vec<_>>>()?)?;
    Ok(result)
}

/// Returns a piece of a speech; `ranges` are those of all pieces in characters.
pub fn piece<'py>(
    py: Python<'py>,
    piece: &PieceOutput,
    ranges: &[Range<usize>],
) -> PyResult<Bound<'py, PyDict>> {
    let range = ranges.get(piece.index).cloned().unwrap_or_default();
    let result = PyDict::new(py);
    result.set_item("index", piece.index)?;
    result.set_item("start", range.start)?;
    result.set_item("end", range.end)?;
    result.set_item("frames", piece.codes.codes.len())?;
    result.set_item("stop_reason", piece.stop_reason.name())?;
    result.set_item("seed", piece.seed)?;
    result.set_item("attempts", piece.attempts)?;
    result.set_item("is_runaway", piece.is_runaway)?;
    result.set_item("pause_seconds", piece.pause.as_secs_f64())?;
    Ok(result)
}

fn timings<'py>(py: Python<'py>, timings: &StageTimings) -> PyResult<Bound<'py, PyDict>> {
    let stages = [
        ("prefill", timings.prefill),
        ("talker", timings.talker),
        ("code_predictor", timings.code_predictor),
        ("codec", timings.codec),
        ("time_to_first_audio", timings.time_to_first_audio),
    ];
    let result = PyDict::new(py);
    for (name, time) in stages {
        result.set_item(name, Duration::as_secs_f64(&time))?;
    }
    Ok(result)
}

/// Converts byte ranges of a text, in order, to ranges of its characters.
pub fn character_ranges(
    text: &str,
    ranges: impl IntoIterator<Item = Range<usize>>,
) -> Vec<Range<usize>> {
    let (mut byte, mut character) = (0, 0);
    let mut position = |end: usize| {
        // Ranges do not overlap.
        let from = if end < byte { 0 } else { byte };
        let before = if end < byte { 0 } else { character };
        character = before + text.get(from..end).map_or(0, |part| part.chars().count());
        byte = end;
        character
    };
    ranges.into_iter().map(|range| position(range.start)..position(range.end)).collect()
}
