//! Fields of dictionaries, by name.

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::invalid_request;

/// Description of a truth value.
pub const BOOL: &str = "True or False";
/// Description of a number of things.
pub const COUNT: &str = "an integer, not negative";
/// Description of a real number.
pub const NUMBER: &str = "a number";
/// Description of a text.
pub const TEXT: &str = "a str";

/// Returns a field; `None` if it is absent or `None`.
///
/// # Errors
/// Returns a `TypeError` for another type, and an `InvalidRequestError` for a value out of range. Both
/// name the field and what was expected.
pub fn field<'py, T: FromPyObjectOwned<'py>>(
    fields: &Bound<'py, PyDict>,
    name: &str,
    expected: &str,
) -> PyResult<Option<T>> {
    let Some(value) = fields.get_item(name)?.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    value.extract().map(Some).map_err(|error: T::Error| {
        let py = fields.py();
        let message = format!("{name}: expected {expected}, not {}", shown(&value));
        match error.into().is_instance_of::<PyTypeError>(py) {
            true => PyTypeError::new_err(message),
            false => invalid_request(py, message),
        }
    })
}

fn shown(value: &Bound<'_, PyAny>) -> String {
    value.repr().map_or_else(|_| "another value".to_owned(), |repr| repr.to_string())
}
