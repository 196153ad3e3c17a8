use super::*;

#[test]
fn routes_write_their_own_paths() {
    let deployment = DeploymentId::parse("lahore-air").unwrap();
    let check = |route: Route, path: &str| assert_eq!(route.to_string(), path);
    check(Route::Home, "/");
    check(Route::drift(&deployment), "/d/lahore-air/drift");
    check(
        Route::drift_from(&deployment, 25),
        "/d/lahore-air/drift?skip=25",
    );
    check(Route::Qr(deployment), "/d/lahore-air/qr.svg");
    check(Route::Record { before: Some(40) }, "/record?before=40");
    check(
        Route::RecordLog("tile/0/x001/067".into()),
        "/record/log/tile/0/x001/067",
    );
    check(Route::SignInOnce("a/b c".into()), "/sign-in/once/a%2Fb%20c");
    let language = Language::Ur;
    let back = "/record?before=40&x=1".into();
    check(
        Route::Language { language, back },
        "/lang/ur?back=/record%3Fbefore%3D40%26x%3D1",
    );
}

#[test]
fn only_paths_of_this_site_are_local() {
    for good in ["/", "/d/lahore-air", "/record?before=3"] {
        assert!(is_local(good), "{good}");
    }
    for bad in [
        "",
        "d",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nb",
    ] {
        assert!(!is_local(bad), "{bad}");
    }
}
