//! A small thread pool with a cheap barrier.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Time that an idle worker spins for the next region before it sleeps. Decoding enters a region
/// every few tens of microseconds, and waking a sleeping thread takes about as long.
const SPIN: Duration = Duration::from_micros(50);

/// Threads that run the tasks of one region at a time, together with the caller.
///
/// Tasks are taken one by one from a counter, and the caller waits only for workers that have
/// begun. So a late worker (asleep, or on a busy core) does not delay the region. If the pool is in
/// use, by another thread or by an outer region, the caller runs all of its tasks itself.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts a pool of `threads` threads, which include the caller of [`Pool::run`]; `new(1)` (or
    /// 0) starts none and runs everything on the caller. The number is limited to the cores of the
    /// process, since threads that compete for cores are slower than fewer threads. If the system
    /// refuses a thread, the pool is smaller.
    pub fn new(threads: usize) -> Pool {
        Pool::of(threads.min(thread::available_parallelism().map_or(1, NonZero::get)))
    }

    /// Starts a pool without the limit of [`Pool::new`].
    fn of(threads: usize) -> Pool {
        let shared = Arc::new(Shared::new(threads.saturating_sub(1)));
        let start = |index: usize| {
            let shared = Arc::clone(&shared);
            let name = format!("kernels-{index}");
            thread::Builder::new().name(name).spawn(move || shared.work(index)).ok()
        };
        let workers = (0..threads.saturating_sub(1)).map_while(start).collect();
        Pool { shared, workers }
    }

    /// Returns the number of threads that share the work, the caller included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `f(0)`, `f(1)` … `f(tasks − 1)`, each once, on any of the threads and in any order,
    /// and returns when all have returned.
    ///
    /// # Panics
    /// Resumes the panic of a task after every thread has left the region. Tasks that have not
    /// begun by then are skipped.
    pub fn run(&self, tasks: usize, f: impl Fn(usize) + Sync) {
        if self.workers.is_empty() || tasks <= 1 || self.shared.busy.swap(true, Acquire) {
            return (0..tasks).for_each(f);
        }
        self.shared.open(tasks, &f);
        self.wake(tasks - 1);
        self.shared.help();
        self.shared.close();
        let panic = self.shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.busy.store(false, Release);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Cuts `y` into pieces of `piece` elements (the last may be shorter) and calls
    /// `f(offset, piece)` for each.
    pub(crate) fn pieces<T: Send>(
        &self,
        y: &mut [T],
        piece: usize,
        f: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let piece = piece.max(1);
        let whole = SharedMut(y.as_mut_ptr());
        let len = y.len();
        self.run(len.div_ceil(piece), |i| {
            let offset = i * piece;
            // SAFETY: the piece lies within `y`, which is borrowed until `run` returns, and no
            // other task has it.
            let part = unsafe {
                std::slice::from_raw_parts_mut(whole.at(offset), piece.min(len - offset))
            };
            f(offset, part);
        });
    }

    fn wake(&self, at_most: usize) {
        for (worker, asleep) in self.workers.iter().zip(&self.shared.asleep).take(at_most) {
            if asleep.swap(false, SeqCst) {
                worker.thread().unpark();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.quit.store(true, SeqCst);
        self.shared.epoch.fetch_add(1, SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // Panics of tasks are caught in `help`, so a worker does not panic.
            let _ = worker.join();
        }
    }
}

/// A pointer that the tasks of one region write through, each to separate places.
pub(crate) struct SharedMut<T = f32>(pub(crate) *mut T);

impl<T> Clone for SharedMut<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedMut<T> {}

// SAFETY: a pointer alone is harmless; each write through it states why it is allowed.
unsafe impl<T: Send> Send for SharedMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<T> {}

impl<T> SharedMut<T> {
    /// # Safety
    /// `offset` lies within the allocation.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, offset: usize) -> *mut T {
        // SAFETY: upheld by the caller.
        unsafe { self.0.add(offset) }
    }
}

/// The closure of a region, its lifetime erased.
type Task = *const (dyn Fn(usize) + Sync);

/// State shared by the threads.
struct Shared {
    /// True while there is a region; only its caller may open and close it.
    busy: AtomicBool,
    /// Number of regions so far, by which waiting workers notice a new one.
    epoch: AtomicUsize,
    /// True while workers may take tasks.
    open: AtomicBool,
    /// Number of workers that take tasks, or are about to check whether they may.
    inside: AtomicUsize,
    tasks: AtomicUsize,
    /// Index of the next task.
    next: AtomicUsize,
    task: UnsafeCell<Option<Task>>,
    /// The first panic of the region.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// True for each worker that sleeps.
    asleep: Vec<AtomicBool>,
    quit: AtomicBool,
}

// SAFETY: `task` is written only by the one caller that holds `busy`, while the region is closed
// and no worker is inside, and read only inside an open region; the closure behind it is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `task` is dereferenced only inside an open region.
unsafe impl Send for Shared {}

impl Shared {
    fn new(workers: usize) -> Shared {
        Shared {
            busy: AtomicBool::new(false),
            epoch: AtomicUsize::new(0),
            open: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            tasks: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            task: UnsafeCell::new(None),
            panic: Mutex::new(None),
            asleep: (0..workers).map(|_| AtomicBool::new(false)).collect(),
            quit: AtomicBool::new(false),
        }
    }

    /// Opens a region to the workers.
    fn open<'a>(&self, tasks: usize, f: &'a (dyn Fn(usize) + Sync + 'a)) {
        // SAFETY: only the lifetime changes; `close` returns before `f` ends, and after that the
        // pointer is not dereferenced.
        let task = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + 'a), Task>(f as *const _)
        };
        // SAFETY: the region is closed and no worker is inside, so no thread reads.
        unsafe { *self.task.get() = Some(task) };
        self.tasks.store(tasks, Relaxed);
        self.next.store(0, Relaxed);
        self.open.store(true, SeqCst);
        self.epoch.fetch_add(1, SeqCst);
    }

    /// Closes the region and waits until every worker has left it.
    fn close(&self) {
        // Either a worker sees the region closed, or it incremented `inside` before this store and
        // the loop below sees that: all four accesses are sequentially consistent.
        self.open.store(false, SeqCst);
        let mut spins = 0u32;
        while self.inside.load(SeqCst) != 0 {
            spins += 1;
            if spins.is_multiple_of(1024) {
                // The worker's core may be busy; let it run on this one.
                thread::yield_now();
            }
            spin_loop();
        }
    }

    /// Runs tasks until none are left. Called only inside an open region.
    fn help(&self) {
        // SAFETY: inside an open region no thread writes `task`, and the closure lives until
        // `close` returns, which waits for this thread.
        let Some(task) = (unsafe { (*self.task.get()).map(|task| &*task) }) else { return };
        let tasks = self.tasks.load(Relaxed);
        let work = || {
            loop {
                let i = self.next.fetch_add(1, Relaxed);
                if i >= tasks {
                    break;
                }
                task(i);
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            self.next.store(tasks, Relaxed);
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
    }

    /// Runs a worker until the pool is dropped.
    fn work(&self, index: usize) {
        let mut seen = 0;
        loop {
            seen = self.wait(index, seen);
            if self.quit.load(SeqCst) {
                return;
            }
            self.inside.fetch_add(1, SeqCst);
            if self.open.load(SeqCst) {
                self.help();
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }

    /// Waits until the epoch is no longer `seen`; returns the new one.
    fn wait(&self, index: usize, seen: usize) -> usize {
        let begun = Instant::now();
        while begun.elapsed() < SPIN {
            for _ in 0..32 {
                let epoch = self.epoch.load(SeqCst);
                if epoch != seen {
                    return epoch;
                }
                spin_loop();
            }
        }
        loop {
            self.asleep[index].store(true, SeqCst);
            let epoch = self.epoch.load(SeqCst);
            if epoch != seen {
                self.asleep[index].store(false, SeqCst);
                return epoch;
            }
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_on_any_number_of_threads() {
        for threads in [0, 1, 2, 3, 8] {
            let pool = Pool::of(threads);
            for tasks in [0, 1, 2, 3, 64, 1000] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, |i| {
                    counts[i].fetch_add(1, Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Relaxed) == 1));
            }
        }
    }

    #[test]
    fn regions_follow_each_other_and_sleepers_wake() {
        let pool = Pool::of(3);
        let sum = AtomicUsize::new(0);
        for round in 0..2000 {
            if round % 500 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
            pool.run(5, |i| {
                sum.fetch_add(i, Relaxed);
            });
        }
        assert_eq!(sum.into_inner(), 2000 * (1 + 2 + 3 + 4));
    }

    #[test]
    fn a_nested_region_and_two_callers_do_not_deadlock() {
        let pool = Pool::of(2);
        let sum = AtomicUsize::new(0);
        let caller = || {
            for _ in 0..200 {
                pool.run(4, |_| {
                    pool.run(3, |_| {
                        sum.fetch_add(1, Relaxed);
                    });
                });
            }
        };
        thread::scope(|scope| {
            scope.spawn(caller);
            scope.spawn(caller);
        });
        assert_eq!(sum.into_inner(), 2 * 200 * 12);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_stays_usable() {
        let pool = Pool::of(2);
        for _ in 0..50 {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                pool.run(16, |i| assert!(i != 7, "task 7"));
            }));
            assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"task 7"));
            let count = AtomicUsize::new(0);
            pool.run(8, |_| {
                count.fetch_add(1, Relaxed);
            });
            assert_eq!(count.into_inner(), 8);
        }
    }

    #[test]
    fn pieces_cover_the_slice() {
        let pool = Pool::of(2);
        let mut y = vec![0.0; 1003];
        pool.pieces(&mut y, 10, |offset, piece| {
            for (i, y) in piece.iter_mut().enumerate() {
                *y += (offset + i) as f32;
            }
        });
        assert!(y.iter().enumerate().all(|(i, &y)| y == i as f32));
    }
}
