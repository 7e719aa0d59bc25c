use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn unknown_researcher() {
    let app = TestApp::start().await;
    let answer = app.query("{ researcher(by: {slug: \"nobody\"}) { name } }", json!({})).await;
    assert_eq!(answer.data()["researcher"], json!(null));
}
