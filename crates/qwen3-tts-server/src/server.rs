//! The service on its ports, from its start to its end.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::connection::Acceptor;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::routes::router;
use crate::service::Service;
use crate::settings::{ModelSetting, Settings, TlsFiles};
use crate::voices::{Aliases, Voices};
use crate::wyoming;

/// A service that is bound to its ports.
pub struct Server {
    service: Arc<Service>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    /// Port of the Wyoming protocol, if it is on.
    wyoming: Option<TcpListener>,
}

/// The reason why the service cannot start, or ends by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The port cannot be listened on.
    #[error("cannot listen on {address}: {}", qwen3_tts_files::reason(source))]
    Bind {
        /// Host and port.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },

    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {} with the key {}: {source}", files.certificate.display(), files.key.display())]
    Tls {
        /// The files.
        files: TlsFiles,
        /// The defect.
        source: io::Error,
    },

    /// The directory of voices cannot be used.
    #[error("cannot use the directory of voices: {}", qwen3_tts_files::reason(.0))]
    Voices(io::Error),

    /// The configuration of a model is missing or damaged.
    #[error(transparent)]
    Model(#[from] qwen3_tts_pipeline::Error),

    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),

    /// The first model cannot be loaded.
    #[error("{0}")]
    WarmUp(String),

    /// A connection cannot be accepted.
    #[error("cannot accept connections: {}", qwen3_tts_files::reason(.0))]
    Accept(io::Error),
}

/// The event that ends the service.
type Shutdown<'a> = Pin<&'a mut dyn Future<Output = ()>>;

/// Time between two looks at idle models, and two moves of samples to their buckets.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// Size in bytes of the buffer of a connection: audio that a client does not take waits in its speech,
/// where it is seen, rather than there.
const BUFFER: usize = 64 << 10;

impl Server {
    /// Binds the ports, and reads certificates, voices and the configurations of the models. No
    /// weights are loaded yet.
    ///
    /// # Errors
    /// Returns an error if a setting, a file or a port cannot be used.
    pub async fn bind(settings: Settings) -> Result<Self, ServerError> {
        check(&settings)?;
        let aliases = Aliases::new(&settings.voices.aliases)
            .map_err(|error| ServerError::Setting(error.to_string()))?;
        let address = format!("{}:{}", settings.host, settings.port);
        let bound = TcpListener::bind((settings.host.as_str(), settings.port)).await;
        let listener = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (local, listener) = listener.map_err(|source| ServerError::Bind { address, source })?;
        let tls = match &settings.tls {
            Some(files) => Some(tls(files).await?),
            None => None,
        };
        let wyoming = match &settings.wyoming {
            Some(address) => Some(bind_wyoming(address).await?),
            None => None,
        };
        let metrics = Metrics::new();
        let models = Models::new(&settings, Arc::clone(&metrics))?;
        let voices = Voices::open(&settings.voices, aliases).map_err(ServerError::Voices)?;
        let service = Service::new(settings, models, voices, metrics);
        Ok(Self { service, listener, address: local, tls, wyoming })
    }

    /// Returns the address of the HTTP interface.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the Wyoming protocol, if it is on.
    pub fn wyoming_address(&self) -> Option<SocketAddr> {
        self.wyoming.as_ref()?.local_addr().ok()
    }

    /// Serves until `shutdown` is ready. Then nothing new is begun, and what was begun is finished
    /// within [`Limits::drain`](crate::Limits::drain).
    ///
    /// # Errors
    /// Returns an error if the first model cannot be loaded, or connections cannot be accepted.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        // One type, so that the service is compiled once and not for each caller.
        self.serve_until(pin!(shutdown)).await
    }

    async fn serve_until(self, shutdown: Shutdown<'_>) -> Result<(), ServerError> {
        let Self { service, listener, tls, wyoming, .. } = self;
        let handle = Handle::new();
        let background = tokio::spawn(housekeeping(Arc::clone(&service)));
        if let Some(wyoming) = wyoming {
            tokio::spawn(wyoming::listen(Arc::clone(&service), wyoming));
        }
        let (warmed, served, ()) = tokio::join!(
            warm_up(&service),
            serve_http(&service, listener, tls, handle.clone()),
            drain(&service, &handle, shutdown),
        );
        background.abort();
        service.sessions.close();
        let _ = timeout(service.settings.limits.drain, service.sessions.wait()).await;
        warmed.and(served)
    }
}

fn check(settings: &Settings) -> Result<(), ServerError> {
    if settings.models.is_empty() {
        return Err(ServerError::Setting("there is no model to serve".to_owned()));
    }
    let mut names = BTreeSet::new();
    for ModelSetting { name, .. } in &settings.models {
        if !names.insert(name.to_ascii_lowercase()) {
            let message = format!("two models have the name \"{name}\": give each its own");
            return Err(ServerError::Setting(message));
        }
    }
    if settings.api_keys.iter().any(|key| key.trim().is_empty()) {
        return Err(ServerError::Setting("an API key is empty".to_owned()));
    }
    Ok(())
}

async fn bind_wyoming(address: &str) -> Result<TcpListener, ServerError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ServerError::Bind { address: address.to_owned(), source })
}

async fn tls(files: &TlsFiles) -> Result<RustlsConfig, ServerError> {
    let config = RustlsConfig::from_pem_file(&files.certificate, &files.key).await;
    config.map_err(|source| ServerError::Tls { files: files.clone(), source })
}

/// Loads the first model. Without it there is no service.
async fn warm_up(service: &Service) -> Result<(), ServerError> {
    let warmed = service.warm_up().await;
    warmed.map_err(|error| {
        service.draining.cancel();
        ServerError::WarmUp(error.message)
    })
}

async fn serve_http(
    service: &Arc<Service>,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> Result<(), ServerError> {
    let limits = &service.settings.limits;
    // The speech is cut first, then the connection.
    let acceptor = Acceptor { slow_reader: 2 * limits.slow_reader };
    let app = router(Arc::clone(service)).into_make_service();
    let mut server = axum_server::Server::from_listener(listener)
        .handle(handle)
        .acceptor(acceptor)
        .first_request_timeout(limits.receive);
    // `Server::http1_only` would refuse WebSocket connections.
    let builder = server.http_builder();
    *builder = builder.clone().http1_only();
    let mut http = builder.http1();
    http.timer(TokioTimer::new()).header_read_timeout(limits.receive).max_buf_size(BUFFER);
    let served = match tls {
        Some(config) => {
            let secure = |acceptor| RustlsAcceptor::new(config).acceptor(acceptor);
            server.map(secure).serve(app).await
        }
        None => server.serve(app).await,
    };
    served.map_err(|error| {
        service.draining.cancel();
        ServerError::Accept(error)
    })
}

/// Waits for the end, and lets the requests under way finish.
async fn drain(service: &Service, handle: &Handle<SocketAddr>, shutdown: Shutdown<'_>) {
    let limits = &service.settings.limits;
    tokio::select! {
        () = shutdown => {
            tracing::info!("finishing what was begun");
            service.draining.cancel();
            tokio::time::sleep(limits.drain_delay).await;
        }
        () = service.draining.cancelled() => {}
    }
    handle.graceful_shutdown(Some(limits.drain));
}

async fn housekeeping(service: Arc<Service>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        service.metrics.tidy_up();
        if let Some(idle) = service.settings.idle_unload {
            service.models.unload_idle(idle).await;
        }
    }
}
