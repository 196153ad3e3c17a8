//! What the operator's command does with an account that somebody uses.

mod slow {
    use crate::harness::{run, serve};

    #[test]
    fn the_operator_gets_no_link_to_an_account_that_a_resident_uses() {
        let directory = testkit::temp_dir();
        let data = directory.path().display().to_string();
        let database = format!("sqlite:{}", directory.path().join("rows.db").display());
        let amanat = serve(directory.path(), &database, &[]);
        let link = |arguments: &[&str]| {
            let all = ["sign-in-link", "--data", &data];
            run(all.iter().chain(arguments))
        };
        let made = link(&["--new", "resident"]);
        assert_eq!(made.code, Some(0), "{}", made.words);
        let value = |name: &str| {
            let found = made.data.lines().find_map(|it| it.strip_prefix(name));
            found.unwrap().to_owned()
        };
        let (account, url) = (value("account: "), value("sign-in: "));
        let again = link(&[&account]);
        assert_eq!(again.code, Some(0), "nobody used it yet: {}", again.words);
        let mut resident = amanat.visitor("en");
        let path = url.strip_prefix(amanat.http()).unwrap();
        resident.sign_in(path);
        for _ in 0..2 {
            let refused = link(&[&account]);
            assert_eq!(refused.code, Some(1), "{}", refused.data);
            for part in [
                "needs a second person",
                "/office/access",
                "can be made from",
            ] {
                assert!(refused.words.contains(part), "{}", refused.words);
            }
            assert_eq!(refused.data, "");
        }
        let page = resident.open("/me");
        assert_eq!(
            page.text()
                .matches("Somebody asks for a way into your account")
                .count(),
            1
        );
    }
}
