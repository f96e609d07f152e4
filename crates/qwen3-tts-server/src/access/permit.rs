//! Limits of the number of requests at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::caller::Caller;
use crate::error::ApiError;

/// The places for requests: in all and per key.
pub struct Places {
    max: usize,
    max_per_key: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_key: HashMap<Option<usize>, usize>,
}

/// A place for a request, free again when this and its clones are dropped.
#[derive(Clone)]
pub struct Permit {
    _place: Arc<Place>,
}

struct Place {
    key: Option<usize>,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub fn new(max: usize, max_per_key: usize) -> Self {
        Self { max, max_per_key, taken: Arc::default() }
    }

    /// Takes a place for a request.
    ///
    /// # Errors
    /// Returns the status 429 if all places are taken, or all of the caller's key.
    pub fn take(&self, caller: &Caller) -> Result<Permit, ApiError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.max {
            let message =
                format!("{} requests are being spoken or waiting: try again later", taken.all);
            return Err(ApiError::busy(message, 2));
        }
        let of_key = taken.by_key.entry(caller.key).or_default();
        if *of_key >= self.max_per_key {
            let message = format!(
                "{of_key} requests of this key are being spoken or waiting: try again later"
            );
            return Err(ApiError::busy(message, 2));
        }
        *of_key += 1;
        taken.all += 1;
        let place = Place { key: caller.key, taken: Arc::clone(&self.taken) };
        Ok(Permit { _place: Arc::new(place) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_key) = taken.by_key.get_mut(&self.key) {
            *of_key -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_per_key() {
        let places = Places::new(3, 2);
        let [one, two] = [0, 1].map(|key| Caller { key: Some(key) });
        let first = places.take(&one).ok().unwrap();
        drop(first.clone());
        let _second = places.take(&one).ok().unwrap();
        let refused = places.take(&one).err().unwrap();
        assert!(refused.message.contains("of this key"), "{refused}");
        let _third = places.take(&two).ok().unwrap();
        let refused = places.take(&two).err().unwrap();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (429, Some(2)));
        drop(first);
        assert!(places.take(&two).is_ok());
    }
}
