//! Data loader: batches the keys that the fields of a query request into one SQL query per type of key (no N+1).
//!
//! One task resolves a query. It stops when every field waits for data: a nesting level is then complete, and its keys
//! are loaded. No timer is involved. [`DataLoader::run_with_batching`] drives this.

use std::any::{Any, TypeId};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
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
use crate::model::entity_type::EntityType;
use crate::store::Store;

/// How often an entity may be merged while a request reads it.
const MAX_MERGES: usize = 3;

/// Loads values by keys of one type, in batches.
pub trait Loader<K>: Send + Sync + 'static {
    /// Value of a key.
    type Value: Clone + Send + Sync + 'static;

    /// Returns the values of the keys; keys without a value are omitted.
    fn load(&self, keys: &[K]) -> impl Future<Output = Result<HashMap<K, Self::Value>, Error>> + Send;
}

/// Key that can be loaded in batches.
pub trait LoaderKey: Clone + Eq + Hash + Send + Sync + 'static {
    /// Name of the key's query in traces. Dashboards depend on it: it stays when the type is renamed.
    const NAME: &'static str;

    /// Returns the key with other ids of its researchers and organizations, or `None` if it has none. These can be merged
    /// after another statement read their ids. If one has not a value, it is that of the survivor: a loader of such keys
    /// returns a value for each entity that exists.
    fn with_ids(&self, _id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        None
    }
}

type BatchFuture = Pin<Box<dyn Future<Output = ()> + Send>>;
type BatchStarter = fn(&Arc<LoaderShared>, &mut LoaderState) -> Option<BatchFuture>;

/// Data loader of one request. It caches what it reads, and must not outlive the request.
#[derive(Clone)]
pub struct DataLoader(Arc<LoaderShared>);

struct LoaderShared {
    store: Store,
    state: Mutex<LoaderState>,
}

#[derive(Default)]
struct LoaderState {
    /// The [`KeyTable`] of each key type.
    tables: HashMap<TypeId, Box<dyn Any + Send>>,
    /// Starts the batches of the key types that have pending keys.
    pending_batches: Vec<BatchStarter>,
}

struct KeyTable<K, V> {
    states: HashMap<K, LoadState<V>>,
    pending: Vec<K>,
    wakers: Vec<Waker>,
}

/// State of a requested key.
enum LoadState<V> {
    Pending,
    Loaded(V),
    Missing,
    Failed(Error),
}

impl LoaderShared {
    fn lock_state(&self) -> MutexGuard<'_, LoaderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoaderState {
    fn key_table<K: LoaderKey>(&mut self) -> Option<&mut KeyTable<K, <Store as Loader<K>>::Value>>
    where
        Store: Loader<K>,
    {
        let new = || {
            Box::new(KeyTable::<K, <Store as Loader<K>>::Value> {
                states: HashMap::new(),
                pending: Vec::new(),
                wakers: Vec::new(),
            })
        };
        self.tables.entry(TypeId::of::<K>()).or_insert_with(|| new()).downcast_mut()
    }

    /// Enqueues a key unless it was requested before.
    fn enqueue<K: LoaderKey>(&mut self, key: &K)
    where
        Store: Loader<K>,
    {
        let Some(table) = self.key_table::<K>() else { return };
        match table.states.entry(key.clone()) {
            Entry::Occupied(_) => return,
            Entry::Vacant(slot) => slot.insert(LoadState::Pending),
        };
        table.pending.push(key.clone());
        if table.pending.len() == 1 {
            self.pending_batches.push(start_batch::<K>);
        }
    }
}

/// Starts the batch of the pending keys of one type.
fn start_batch<K: LoaderKey>(shared: &Arc<LoaderShared>, state: &mut LoaderState) -> Option<BatchFuture>
where
    Store: Loader<K>,
{
    let keys = std::mem::take(&mut state.key_table::<K>()?.pending);
    let shared = Arc::clone(shared);
    Some(Box::pin(async move {
        let loaded = load_with_survivors(&shared.store, &keys).await;
        let mut state = shared.lock_state();
        let Some(table) = state.key_table::<K>() else { return };
        match loaded {
            Ok(mut values) => {
                for key in keys {
                    let state = values.remove(&key).map_or(LoadState::Missing, LoadState::Loaded);
                    table.states.insert(key, state);
                }
            }
            Err(error) => {
                for key in keys {
                    table.states.insert(key, LoadState::Failed(error.clone()));
                }
            }
        }
        table.wakers.drain(..).for_each(Waker::wake);
    }))
}

/// Loads keys, and those of entities that were merged in the meantime by their survivors.
async fn load_with_survivors<K: LoaderKey>(
    store: &Store,
    keys: &[K],
) -> Result<HashMap<K, <Store as Loader<K>>::Value>, Error>
where
    Store: Loader<K>,
{
    let mut values = store.load(keys).await?;
    let mut missing: Vec<(&K, K)> = keys
        .iter()
        .filter(|key| !values.contains_key(*key))
        .filter_map(|key| Some((key, key.with_ids(&mut |_, id| id)?)))
        .collect();
    // A survivor can be merged, too.
    for _ in 0..MAX_MERGES {
        let mut ids = BTreeSet::new();
        for (_, key) in &missing {
            key.with_ids(&mut |kind, id| {
                ids.insert((kind, id));
                id
            });
        }
        if ids.is_empty() {
            break;
        }
        let survivors = store.survivors(&ids).await?;
        let mut survivor = |kind, id| survivors.get(&(kind, id)).copied().unwrap_or(id);
        let moved = |(asked, key): (_, K)| Some((asked, key.with_ids(&mut survivor).filter(|moved| *moved != key)?));
        missing = missing.into_iter().filter_map(moved).collect();
        let moved: Vec<K> = missing.iter().map(|(_, key)| key.clone()).collect();
        let found = if moved.is_empty() { HashMap::new() } else { store.load(&moved).await? };
        missing.retain(|(asked, key)| match found.get(key) {
            Some(value) => {
                values.insert((*asked).clone(), value.clone());
                false
            }
            None => true,
        });
    }
    Ok(values)
}

impl DataLoader {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(LoaderShared { store, state: Mutex::default() }))
    }

    /// Returns the value of a key, or `None` if it has no value.
    ///
    /// # Errors
    /// Returns an error if loading failed.
    pub async fn load_one<K: LoaderKey>(&self, key: K) -> Result<Option<<Store as Loader<K>>::Value>, Error>
    where
        Store: Loader<K>,
    {
        self.0.lock_state().enqueue(&key);
        poll_fn(|context| {
            let mut state = self.0.lock_state();
            let Some(table) = state.key_table::<K>() else { return Poll::Ready(Ok(None)) };
            match table.states.get(&key) {
                Some(LoadState::Pending) => {
                    // Many fields share one waker.
                    if !table.wakers.last().is_some_and(|last| last.will_wake(context.waker())) {
                        table.wakers.push(context.waker().clone());
                    }
                    Poll::Pending
                }
                Some(LoadState::Loaded(value)) => Poll::Ready(Ok(Some(value.clone()))),
                Some(LoadState::Failed(error)) => Poll::Ready(Err(error.clone())),
                Some(LoadState::Missing) | None => Poll::Ready(Ok(None)),
            }
        })
        .await
    }

    /// Returns the values of the keys; keys without a value are omitted.
    ///
    /// # Errors
    /// Returns an error if loading failed for one of them.
    pub async fn load_many<K: LoaderKey>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<HashMap<K, <Store as Loader<K>>::Value>, Error>
    where
        Store: Loader<K>,
    {
        let keys: Vec<K> = keys.into_iter().collect();
        keys.iter().for_each(|key| self.0.lock_state().enqueue(key));
        let mut values = HashMap::with_capacity(keys.len());
        for key in keys {
            // All keys are loaded already, or are pending in the same batch.
            if let Some(value) = self.load_one(key.clone()).await? {
                values.insert(key, value);
            }
        }
        Ok(values)
    }

    /// Runs a future and loads the pending keys whenever it cannot make progress.
    pub async fn run_with_batching<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut batches = FuturesUnordered::new();
        let woken = Arc::new(WakeFlag::default());
        poll_fn(|context| {
            woken.register(context.waker());
            let waker = Waker::from(Arc::clone(&woken));
            loop {
                if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(output);
                }
                // The future yielded voluntarily and can make progress.
                if woken.take() {
                    continue;
                }
                let mut state = self.0.lock_state();
                let next = std::mem::take(&mut state.pending_batches);
                batches.extend(next.into_iter().filter_map(|batch| batch(&self.0, &mut state)));
                drop(state);
                // Batches that complete together are handled together: their follow-up keys may share a batch.
                loop {
                    while let Poll::Ready(Some(())) = batches.poll_next_unpin(context) {}
                    // Neither the batches nor the work can enqueue more statements: flush.
                    let sent = self.0.store.flush();
                    if sent.is_empty() {
                        break;
                    }
                    batches.extend(sent.into_iter().map(|sent| Box::pin(sent) as BatchFuture));
                }
                if !woken.take() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Records that the work was woken, and wakes the task that drives it.
#[derive(Default)]
struct WakeFlag {
    is_set: AtomicBool,
    task_waker: AtomicWaker,
}

impl WakeFlag {
    fn register(&self, waker: &Waker) {
        self.task_waker.register(waker);
    }

    fn take(&self) -> bool {
        self.is_set.swap(false, Ordering::AcqRel)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.is_set.store(true, Ordering::Release);
        self.task_waker.wake();
    }
}
