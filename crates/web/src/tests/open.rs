//! The page that opens sealed files asks nobody for anything.

use super::world::World;

#[tokio::test]
async fn gp_b2_the_page_that_opens_files_may_not_connect_to_anything() {
    let world = World::new();
    let answer = world.stranger().get("/open").await;
    assert_eq!(answer.status, 200);
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
    assert!(
        !policy.contains("connect-src"),
        "nothing may be connected to: {policy}"
    );
    answer.has("age -d -i key.txt FILE.age");
    let script = include_str!("../../assets/open.js");
    assert!(script.len() <= 10 * 1024, "{}", script.len());
    for reach in [
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "import(",
        "http:",
        "https:",
        "localStorage",
    ] {
        assert!(!script.contains(reach), "{reach}");
    }
}

mod slow {
    //! The script itself, run by Node.js, with files of the stock program.

    use std::path::Path;
    use std::process::Command;

    fn run(place: &Path, program: &str, arguments: &[&str]) -> Vec<u8> {
        let done = Command::new(program)
            .args(arguments)
            .current_dir(place)
            .output()
            .unwrap_or_else(|err| panic!("`{program}` is missing, run `cargo xtask setup`: {err}"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program} {arguments:?}: {said}");
        done.stdout
    }

    const CHECK: &str = r"
import { open, secret } from './open.mjs';
import { readFileSync } from 'node:fs';
const keys = readFileSync('key.txt', 'utf8').split('\n').filter((it) => it && !it.startsWith('#')).map(secret);
const refused = (it) => it.then(() => 'opened', (err) => err.message);
for (const size of [0, 1, 65536, 65537, 131072, 200000]) {
  const file = new Uint8Array(readFileSync(`${size}.age`)), found = await open(file, keys);
  if (Buffer.compare(Buffer.from(found), readFileSync(`${size}`))) throw new Error(`${size} differs`);
  for (const at of [30, 60, file.length - 1]) {
    const changed = file.slice();
    changed[at] ^= 1;
    if (await refused(open(changed, keys)) === 'opened') throw new Error(`${size}: byte ${at}`);
  }
  if (size > 0 && await refused(open(file.slice(0, -1), keys)) === 'opened') throw new Error(`${size}: cut`);
}
const file = new Uint8Array(readFileSync('1.age'));
const other = await refused(open(file, [new Uint8Array(32).fill(7)]));
if (other !== 'match') throw new Error(other);
const good = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX';
secret(good);
for (const bad of [good.replace('Q4', 'Q5'), good.slice(0, -1), good.replace('KEY', 'key'), 'age1x', '']) {
  try { secret(bad); } catch { continue; }
  throw new Error(`taken: ${bad}`);
}
console.log('all well');
";

    #[test]
    fn gp_b2_the_script_of_the_page_opens_what_the_age_program_sealed_and_nothing_that_was_changed()
    {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        std::fs::write(place.join("open.mjs"), include_str!("../../assets/open.js")).unwrap();
        std::fs::write(place.join("check.mjs"), CHECK).unwrap();
        run(place, "age-keygen", &["-o", "key.txt"]);
        let public = String::from_utf8(run(place, "age-keygen", &["-y", "key.txt"])).unwrap();
        run(
            place,
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", "id"],
        );
        for size in [0_usize, 1, 65_536, 65_537, 131_072, 200_000] {
            let plain: Vec<u8> = (0..size).map(|it| (it % 251) as u8).collect();
            let (name, sealed) = (size.to_string(), format!("{size}.age"));
            std::fs::write(place.join(&name), plain).unwrap();
            let to = ["-R", "id.pub", "-r", public.trim(), "-o", &sealed, &name];
            run(place, "age", &to);
        }
        assert_eq!(run(place, "node", &["check.mjs"]), b"all well\n");
    }
}
