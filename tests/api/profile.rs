//! The page that started it: one query rebuilds a profile.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn an_empty_directory_has_nobody() {
    let app = TestApp::start().await;
    let answer = app.ask("{ researcher(by: {slug: \"nobody\"}) { name } }", json!({})).await;
    assert_eq!(answer.data()["researcher"], json!(null));
}
