//! Tables in Markdown.

use qwen3_tts_nn::Bits;

use crate::comparison::{Codebook, Comparison};

/// Prints the head of the table of parts.
pub fn print_parts_head() {
    println!("Each cell: nearest → least squares.\n");
    println!(
        "| part | weights, M | bits | agreement, codebook 0 | codebooks 1… | divergence, codebook 0 \
         | codebooks 1… |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
}

/// Prints the row of a part: its name, the number of its weights, and both ways of rounding.
pub fn print_part(name: &str, bits: Bits, weights: usize, compared: &[Comparison; 2]) {
    let later = compared.each_ref().map(Comparison::later);
    let first = compared.each_ref().map(|comparison| comparison.codebooks[0]);
    let agreement = |[from, to]: [Codebook; 2]| {
        format!("{:.1} → {:.1}", 100.0 * from.agreement(), 100.0 * to.agreement())
    };
    let divergence = |[from, to]: [Codebook; 2]| {
        format!("{:.2} → {:.2}", 1000.0 * from.divergence(), 1000.0 * to.divergence())
    };
    println!(
        "| {name} | {:.2} | {} | {} | {} | {} | {} |",
        weights as f64 / 1e6,
        bits.get(),
        agreement(first),
        agreement(later),
        divergence(first),
        divergence(later)
    );
}

/// Prints a table with a column for each codebook, and the mean of those after the first.
pub fn print_codebooks(
    what: &str,
    rows: &[(String, usize, Comparison)],
    value: impl Fn(&Codebook) -> f64,
) {
    let n = rows.first().map_or(0, |(_, _, comparison)| comparison.codebooks.len());
    let numbers: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    println!("| {what} by codebook | MB per frame | {} | 1… |", numbers.join(" | "));
    println!("|---|---:|{}", "---:|".repeat(n + 1));
    for (name, bytes, comparison) in rows {
        let cells: Vec<String> = comparison
            .codebooks
            .iter()
            .chain([&comparison.later()])
            .map(|codebook| format!("{:.1}", value(codebook)))
            .collect();
        println!("| {name} | {:.1} | {} |", *bytes as f64 / 1e6, cells.join(" | "));
    }
    println!();
}
