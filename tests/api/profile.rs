use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn unknown_researcher() {
    let app = TestApp::start().await;
    let response = app.query("{ researcher(by: {slug: \"nobody\"}) { name } }", json!({})).await;
    assert_eq!(response.data()["researcher"], json!(null));
}
