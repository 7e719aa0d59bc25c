//! Batches: what many fields of a query ask for at once is one statement.
//!
//! A query is resolved by one task, which stops when every field that can go on waits for something. That is when a level of
//! it is complete, and its keys are asked for; no clock decides what belongs together. [`Loaders::drive`] looks after this.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::poll_fn;
use std::hash::Hash;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;

use crate::error::Error;
use crate::store::Store;

/// Answers keys of a kind, many at once.
pub trait Loader<K>: Send + Sync + 'static {
    /// What a key stands for.
    type Value: Clone + Send + Sync + 'static;

    /// The values of the keys; those that stand for nothing are left out.
    fn load(&self, keys: &[K]) -> impl Future<Output = Result<HashMap<K, Self::Value>, Error>> + Send;
}

/// A key that can be asked for in batches.
pub trait LoaderKey: Clone + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> LoaderKey for K {}

type Batch = Pin<Box<dyn Future<Output = ()> + Send>>;
type MakeBatch = fn(&Arc<Shared>, &mut State) -> Option<Batch>;

/// The batches of one request. They remember what they read, and must not outlive it.
#[derive(Clone)]
pub struct Loaders(Arc<Shared>);

struct Shared {
    store: Store,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A [`Kind`] for each kind of key.
    kinds: HashMap<TypeId, Box<dyn Any + Send>>,
    /// Makes the batches of the kinds that have keys to ask for.
    next: Vec<MakeBatch>,
}

struct Kind<K, V> {
    keys: HashMap<K, Asked<V>>,
    next: Vec<K>,
    waiting: Vec<Waker>,
}

/// What is known of a key that was asked for.
enum Asked<V> {
    NotYet,
    Found(V),
    Nothing,
    Failed(Error),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn kind<K: LoaderKey>(&mut self) -> Option<&mut Kind<K, <Store as Loader<K>>::Value>>
    where
        Store: Loader<K>,
    {
        let new = || {
            Box::new(Kind::<K, <Store as Loader<K>>::Value> {
                keys: HashMap::new(),
                next: Vec::new(),
                waiting: Vec::new(),
            })
        };
        self.kinds.entry(TypeId::of::<K>()).or_insert_with(|| new()).downcast_mut()
    }

    /// Notes a key that nobody asked for before.
    fn ask<K: LoaderKey>(&mut self, key: &K)
    where
        Store: Loader<K>,
    {
        let Some(kind) = self.kind::<K>() else { return };
        match kind.keys.entry(key.clone()) {
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => place.insert(Asked::NotYet),
        };
        kind.next.push(key.clone());
        if kind.next.len() == 1 {
            self.next.push(batch::<K>);
        }
    }
}

/// Asks for the keys of a kind that are to be asked for.
fn batch<K: LoaderKey>(shared: &Arc<Shared>, state: &mut State) -> Option<Batch>
where
    Store: Loader<K>,
{
    let keys = std::mem::take(&mut state.kind::<K>()?.next);
    let shared = Arc::clone(shared);
    Some(Box::pin(async move {
        let answer = shared.store.load(&keys).await;
        let mut state = shared.state();
        let Some(kind) = state.kind::<K>() else { return };
        match answer {
            Ok(mut values) => {
                for key in keys {
                    let asked = values.remove(&key).map_or(Asked::Nothing, Asked::Found);
                    kind.keys.insert(key, asked);
                }
            }
            Err(error) => {
                for key in keys {
                    kind.keys.insert(key, Asked::Failed(error.clone()));
                }
            }
        }
        kind.waiting.drain(..).for_each(Waker::wake);
    }))
}

impl Loaders {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, state: Mutex::default() }))
    }

    /// The value of a key; none where it stands for nothing.
    ///
    /// # Errors
    /// Where it could not be read.
    pub async fn load_one<K: LoaderKey>(&self, key: K) -> Result<Option<<Store as Loader<K>>::Value>, Error>
    where
        Store: Loader<K>,
    {
        self.0.state().ask(&key);
        poll_fn(|context| {
            let mut state = self.0.state();
            let Some(kind) = state.kind::<K>() else { return Poll::Ready(Ok(None)) };
            match kind.keys.get(&key) {
                Some(Asked::NotYet) => {
                    // Many fields wait by the same one.
                    if !kind.waiting.last().is_some_and(|last| last.will_wake(context.waker())) {
                        kind.waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
                Some(Asked::Found(value)) => Poll::Ready(Ok(Some(value.clone()))),
                Some(Asked::Failed(error)) => Poll::Ready(Err(error.clone())),
                Some(Asked::Nothing) | None => Poll::Ready(Ok(None)),
            }
        })
        .await
    }

    /// The values of keys; those that stand for nothing are left out.
    ///
    /// # Errors
    /// Where one of them could not be read.
    pub async fn load_many<K: LoaderKey>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<HashMap<K, <Store as Loader<K>>::Value>, Error>
    where
        Store: Loader<K>,
    {
        let keys: Vec<K> = keys.into_iter().collect();
        keys.iter().for_each(|key| self.0.state().ask(key));
        let mut values = HashMap::with_capacity(keys.len());
        for key in keys {
            // All are in one batch by now, or were in an earlier one.
            if let Some(value) = self.load_one(key.clone()).await? {
                values.insert(key, value);
            }
        }
        Ok(values)
    }

    /// Does some work, and reads what it asks for whenever it cannot go on.
    pub async fn drive<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut batches = FuturesUnordered::new();
        let woken = Arc::new(Woken::default());
        poll_fn(|context| {
            woken.listen(context.waker());
            let waker = Waker::from(Arc::clone(&woken));
            loop {
                if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(done);
                }
                // Futures of many fields let others go first now and then: it can go on.
                if woken.take() {
                    continue;
                }
                let mut state = self.0.state();
                let next = std::mem::take(&mut state.next);
                batches.extend(next.into_iter().filter_map(|batch| batch(&self.0, &mut state)));
                drop(state);
                // What has come together goes back together: its keys may be of one batch again.
                loop {
                    while let Poll::Ready(Some(())) = batches.poll_next_unpin(context) {}
                    // All batches have asked for what they need, and so has the work.
                    let sent = self.0.store.send_together();
                    if sent.is_empty() {
                        break;
                    }
                    batches.extend(sent.into_iter().map(|sent| Box::pin(sent) as Batch));
                }
                if !woken.take() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Tells whether the work can go on, and whoever drives it where that is from elsewhere.
#[derive(Default)]
struct Woken {
    is_woken: AtomicBool,
    driver: AtomicWaker,
}

impl Woken {
    fn listen(&self, driver: &Waker) {
        self.driver.register(driver);
    }

    fn take(&self) -> bool {
        self.is_woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.driver.wake();
    }
}
