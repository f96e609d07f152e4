//! Transposition of matrices, for loading and converting weights.

/// Side of a block whose cache lines stay in L1, whatever their distance.
const BLOCK: usize = 8;

/// Transposes consecutive row-major matrices of `rows` × `cols` values: `[…, rows, cols]` to
/// `[…, cols, rows]`.
///
/// # Panics
/// Panics if the values are not whole matrices.
#[track_caller]
pub fn transpose(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let len = (rows * cols).max(1);
    assert_eq!(values.len() % len, 0, "values left over by matrices of {rows} × {cols}");
    let mut transposed = vec![0.0; values.len()];
    for (from, to) in values.chunks_exact(len).zip(transposed.chunks_exact_mut(len)) {
        for (row, col) in blocks(rows, cols) {
            for col in col..cols.min(col + BLOCK) {
                for row in row..rows.min(row + BLOCK) {
                    to[col * rows + row] = from[row * cols + col];
                }
            }
        }
    }
    transposed
}

/// Returns the first row and column of each block.
fn blocks(rows: usize, cols: usize) -> impl Iterator<Item = (usize, usize)> {
    let of_row = move |row| (0..cols).step_by(BLOCK).map(move |col| (row, col));
    (0..rows).step_by(BLOCK).flat_map(of_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_changes_its_row_and_column() {
        for (n, rows, cols) in [(1, 1, 1), (3, 8, 16), (2, 7, 9), (1, 17, 3), (4, 1, 5), (0, 2, 2)]
        {
            let values: Vec<f32> = (0..n * rows * cols).map(|i| i as f32).collect();
            let transposed = transpose(&values, rows, cols);
            assert_eq!(transposed.len(), values.len());
            for (i, value) in transposed.iter().enumerate() {
                let (matrix, col, row) = (i / (rows * cols), i / rows % cols, i % rows);
                assert_eq!(*value, values[(matrix * rows + row) * cols + col], "{rows} × {cols}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "left over")]
    fn a_part_of_a_matrix_is_refused() {
        transpose(&[0.0; 7], 2, 3);
    }
}
