//! A real nginx as a shared cache: it answers persisted queries, and gives no client what belongs to another.

use academic_directory::config::{HttpConfig, NetworkConfig, TokenQuota};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::nginx::Nginx;
use crate::support::{TestApp, http_config, network_config, researcher_record, with_fields};

const QUERY: &str = "{ researchers { nodes { name headline { value } } } }";
const TOKEN: &str = "a-token";
const PER_CLIENT_HEADERS: [&str; 5] =
    ["x-request-id", "x-directory-position", "ratelimit", "ratelimit-policy", "set-cookie"];

/// A service with a researcher, the persisted query, and nginx in front of it.
struct CachedApp {
    app: TestApp,
    nginx: Nginx,
    path: String,
}

impl CachedApp {
    /// `None` if nginx is not installed.
    async fn start(cors_origins: &[&str]) -> Option<Self> {
        let http = HttpConfig {
            cors_origins: cors_origins.iter().map(ToString::to_string).collect(),
            // So that responses have a position.
            cache_max_bytes: 1 << 20,
            ..http_config()
        };
        let quota = TokenQuota {
            name: "library".to_owned(),
            digest: Sha256::digest(TOKEN).into(),
            cost_per_minute: 500_000.try_into().expect("not zero"),
        };
        let network = NetworkConfig {
            rate_limit_cost_per_minute: Some(1_000_000),
            rate_limit_tokens: vec![quota],
            ..network_config()
        };
        let app = TestApp::start_with_network_config(network, http).await;
        let cache = "proxy_cache_path cache keys_zone=responses:1m;";
        let proxy = format!(
            "location / {{ proxy_pass http://{}; proxy_cache responses; add_header X-Cache $upstream_cache_status always; }}",
            app.address
        );
        let nginx = Nginx::start_with_http_directives(cache, &proxy)?;
        app.create_records(json!([with_fields(
            researcher_record("Ida Brook"),
            json!({ "headline": { "en": "Hydrologist", "fr": "Hydrologue" } })
        )]))
        .await;
        let hash: String = Sha256::digest(QUERY).iter().map(|byte| format!("{byte:02x}")).collect();
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let register =
            app.client().post(app.url("/graphql")).json(&json!({ "query": QUERY, "extensions": extensions }));
        assert_eq!(register.send().await.expect("a response").status(), 200);
        let parameters = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("extensions", &extensions.to_string())
            .finish();
        Some(Self { app, nginx, path: format!("/graphql?{parameters}") })
    }

    async fn get(&self, headers: &[(&str, &str)]) -> Response {
        let request = self.app.client().get(self.nginx.url(&self.path)).header("Accept", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), 200, "{headers:?}");
        response
    }

    /// Whether the response came from the cache, and its headline.
    async fn headline(&self, headers: &[(&str, &str)]) -> (String, String) {
        let response = self.get(headers).await;
        let state = text_of(&response, "x-cache").to_owned();
        let body: Value = response.json().await.expect("JSON");
        (state, body["data"]["researchers"]["nodes"][0]["headline"]["value"].as_str().unwrap_or_default().to_owned())
    }
}

fn text_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn per_client_headers(response: &Response) -> Vec<&'static str> {
    PER_CLIENT_HEADERS.into_iter().filter(|name| response.headers().contains_key(*name)).collect()
}

#[tokio::test]
async fn responses_are_shared() {
    let Some(cached) = CachedApp::start(&[]).await else { return };
    let first = cached.get(&[("X-Request-Id", "first")]).await;
    assert_eq!((text_of(&first, "x-cache"), text_of(&first, "cache-control")), ("MISS", "public, max-age=60"));
    let second = cached.get(&[("X-Request-Id", "second")]).await;
    assert_eq!((text_of(&second, "x-cache"), per_client_headers(&second)), ("HIT", Vec::new()));
    // The cache answers alone, also with 304.
    let hits = cached.app.store.statement_counter().total();
    for _ in 0..5 {
        assert_eq!(text_of(&cached.get(&[]).await, "x-cache"), "HIT");
    }
    let request = cached.app.client().get(cached.nginx.url(&cached.path)).header("Accept", "application/json");
    let response = request.header("If-None-Match", text_of(&second, "etag")).send().await.expect("a response");
    assert_eq!((response.status().as_u16(), text_of(&response, "x-cache")), (304, "HIT"));
    assert_eq!(cached.app.store.statement_counter().total(), hits);
    // What a cache gets when it revalidates, it stores as well.
    let request = cached.app.client().get(cached.app.url(&cached.path)).header("Accept", "application/json");
    let response = request.header("If-None-Match", text_of(&second, "etag")).send().await.expect("a response");
    assert_eq!((response.status().as_u16(), per_client_headers(&response)), (304, Vec::new()));
    assert_eq!(text_of(&response, "cache-control"), "public, max-age=60");
    assert_eq!(response.headers().get("vary"), second.headers().get("vary"));
    let head = cached.app.client().head(cached.nginx.url(&cached.path)).header("Accept", "application/json");
    assert_eq!(text_of(&head.send().await.expect("a response"), "x-cache"), "HIT");
}

#[tokio::test]
async fn personal_responses_are_not_shared() {
    let Some(cached) = CachedApp::start(&[]).await else { return };
    let bearer = format!("Bearer {TOKEN}");
    let direct =
        cached.app.client().get(cached.app.url("/graphql?query=%7Bdirectory%7Bstatistics%7BpaperCount%7D%7D%7D"));
    let direct = direct.header("Accept", "application/json").send().await.expect("a response");
    let position = text_of(&direct, "x-directory-position").to_owned();
    assert!(!position.is_empty());
    let personal: [(&str, &str); 3] =
        [("Authorization", &bearer), ("X-Directory-Position", &position), ("X-Query-Cost", "report")];
    // First into an empty cache, then past a full one.
    for round in ["MISS", "HIT"] {
        for header in personal {
            for _ in 0..2 {
                let response = cached.get(&[header]).await;
                assert_ne!(text_of(&response, "x-cache"), "HIT", "{header:?}");
                assert_eq!(text_of(&response, "cache-control"), "private, no-cache", "{header:?}");
                let headers = per_client_headers(&response);
                assert!(headers.contains(&"x-request-id") && headers.contains(&"ratelimit"), "{header:?}: {headers:?}");
                // The cost is reported past the response cache, which reads the position.
                assert_eq!(headers.contains(&"x-directory-position"), header.0 != "X-Query-Cost", "{headers:?}");
                let is_token = text_of(&response, "ratelimit").contains("token");
                assert_eq!(is_token, header.0 == "Authorization", "{}", text_of(&response, "ratelimit"));
                let body: Value = response.json().await.expect("JSON");
                assert_eq!(body.get("extensions").is_some(), header.0 == "X-Query-Cost", "{body}");
            }
        }
        let anonymous = cached.get(&[]).await;
        assert_eq!((text_of(&anonymous, "x-cache"), per_client_headers(&anonymous)), (round, Vec::new()));
        let body: Value = anonymous.json().await.expect("JSON");
        assert_eq!(body.get("extensions"), None, "{body}");
    }
}

#[tokio::test]
async fn languages_and_encodings_do_not_mix() {
    let Some(cached) = CachedApp::start(&[]).await else { return };
    for state in ["MISS", "HIT", "HIT"] {
        for (language, headline) in [("en", "Hydrologist"), ("fr", "Hydrologue")] {
            let found = cached.headline(&[("Accept-Language", language)]).await;
            assert_eq!(found, (state.to_owned(), headline.to_owned()), "{language}");
        }
    }
    for state in ["MISS", "HIT"] {
        for coding in ["gzip", "br", "zstd"] {
            let response = cached.get(&[("Accept-Encoding", coding)]).await;
            assert_eq!((text_of(&response, "x-cache"), text_of(&response, "content-encoding")), (state, coding));
        }
    }
    // The media type is negotiated, too.
    let graphql = "application/graphql-response+json";
    let request = || cached.app.client().get(cached.nginx.url(&cached.path)).header("Accept", graphql);
    for state in ["MISS", "HIT"] {
        let response = request().send().await.expect("a response");
        assert_eq!(text_of(&response, "x-cache"), state);
        assert!(text_of(&response, "content-type").starts_with(graphql));
    }
}

#[tokio::test]
async fn origins_do_not_mix() {
    let (one, other) = ("https://www.example.org", "https://people.example.org");
    let Some(cached) = CachedApp::start(&[one, other]).await else { return };
    for state in ["MISS", "HIT"] {
        assert_eq!(text_of(&cached.get(&[]).await, "access-control-allow-origin"), "");
        for origin in [one, other] {
            let response = cached.get(&[("Origin", origin)]).await;
            assert_eq!(
                (text_of(&response, "x-cache"), text_of(&response, "access-control-allow-origin")),
                (state, origin)
            );
        }
    }
    // If all origins are allowed, one response serves them all.
    let Some(cached) = CachedApp::start(&["*"]).await else { return };
    for (state, headers) in [("MISS", vec![]), ("HIT", vec![("Origin", one)]), ("HIT", vec![("Origin", other)])] {
        let response = cached.get(&headers).await;
        assert_eq!((text_of(&response, "x-cache"), text_of(&response, "access-control-allow-origin")), (state, "*"));
    }
}

#[tokio::test]
async fn errors_are_not_stored() {
    let Some(cached) = CachedApp::start(&[]).await else { return };
    for path in
        ["/graphql?documentId=unknown", "/nothing", "/graphiql/nothing.js", "/graphql?query=%7B", "/health/ready"]
    {
        for _ in 0..2 {
            let request = cached.app.client().get(cached.nginx.url(path)).header("Accept", "application/json");
            let response = request.send().await.expect("a response");
            assert_ne!(text_of(&response, "x-cache"), "HIT", "{path}");
        }
    }
}
