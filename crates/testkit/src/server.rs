//! One private PostgreSQL server for all test processes of this user.
//!
//! ```text
//! <temporary directory>/amanat-testkit-<uid>/
//!   lock             held while a test process looks for the server or starts it
//!   server           port and password, for the owner alone
//!   wanted           touched whenever a test asks for a database
//!   log              what the server said since its last start
//!   making           held while a test process makes an original, see `template`
//!   rows-<hash>.db   the originals of SQLite files
//!   data-<random>/   the cluster, and the unix socket in it
//! ```
//!
//! A server that does not answer is not waited for: its cluster is removed, which makes it stop by itself if it still
//! runs, and a new one is made. Databases are named after the process that asked for them; those whose process is gone
//! are dropped by the next one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use postgres::{Client, Config, NoTls};

use crate::installation::{self, Installation};

const USER: &str = "testkit";
const START_ATTEMPTS: u32 = 3;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the server until nobody has wanted it for a while, then asks it to stop when its last client leaves.
const KEEPER: &str = r#"
wanted=$1; shift
"$@" &
server=$!
while kill -0 $server 2>/dev/null; do
    sleep 15
    [ -n "$(find "$wanted" -mmin -15 2>/dev/null)" ] || kill -TERM $server 2>/dev/null
done
"#;

/// A database that is dropped with the value.
pub(crate) struct Database {
    pub(crate) url: String,
    name: String,
    server: Server,
}

#[derive(Clone)]
struct Server {
    port: u16,
    password: String,
}

/// Makes a copy of a database on the server, which is started first if it does not run.
pub(crate) fn create_database(template: &str) -> Result<Database> {
    let server = server()?;
    let name = format!("test_{}_{}", process::id(), random()?);
    server.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
    Ok(Database {
        url: format!(
            "postgres://{USER}:{}@127.0.0.1:{}/{name}",
            server.password, server.port
        ),
        name,
        server,
    })
}

/// Whether the server, which is started first if it does not run, has a database.
pub(crate) fn has_database(name: &str) -> Result<bool> {
    server()?.connected(|client| {
        let sql = "SELECT 1 FROM pg_database WHERE datname = $1";
        Ok(client.query_opt(sql, &[&name])?.is_some())
    })
}

impl Database {
    /// From now on it has another name, and stays.
    pub(crate) fn rename(mut self, name: &str) -> Result<()> {
        let sql = format!("ALTER DATABASE {} RENAME TO {name}", self.name);
        self.server.run(&sql)?;
        // Dropping a name that nobody has does nothing.
        self.name.push_str("_renamed");
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What is left behind here is found by the next test process.
        let _ = self.server.run(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            self.name
        ));
    }
}

impl Server {
    fn run(&self, sql: &str) -> Result<()> {
        self.connected(|client| Ok(client.batch_execute(sql)?))
            .with_context(|| format!("the test server refused `{sql}`"))
    }

    fn answers(&self) -> bool {
        self.connected(|client| Ok(client.batch_execute("SELECT 1")?))
            .is_ok()
    }

    /// The client has a runtime of its own, which must not meet the one of an async test.
    fn connected<T: Send>(&self, f: impl FnOnce(&mut Client) -> Result<T> + Send) -> Result<T> {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.port)
            .user(USER)
            .password(&self.password)
            .dbname("postgres")
            .connect_timeout(CONNECT_TIMEOUT);
        let call = || f(&mut config.connect(NoTls)?);
        thread::scope(|scope| match scope.spawn(call).join() {
            Ok(result) => result,
            Err(_) => bail!("the PostgreSQL client panicked"),
        })
    }

    fn drop_orphans(&self) -> Result<()> {
        let names = self.connected(|client| {
            let rows = client.query(
                "SELECT datname::text FROM pg_database WHERE datname LIKE 'test\\_%'",
                &[],
            )?;
            let names = rows.iter().map(|row| row.try_get(0));
            Ok(names.collect::<Result<Vec<String>, _>>()?)
        })?;
        for name in names.iter().filter(|name| is_orphan(name)) {
            // Another process may be dropping it too.
            let _ = self.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        Ok(())
    }
}

/// Whether the process that asked for the database is gone.
fn is_orphan(name: &str) -> bool {
    let pid = name.split('_').nth(1).unwrap_or_default();
    Path::new("/proc/self").exists() && !Path::new("/proc").join(pid).exists()
}

/// The server as this process knows it, checked again when it was not wanted for so long that it may have stopped.
fn server() -> Result<Server> {
    static SERVER: Mutex<Option<Server>> = Mutex::new(None);
    let mut known = match SERVER.lock() {
        Ok(known) => known,
        Err(_) => bail!("the PostgreSQL server could not be started, see the first failure"),
    };
    let base = Base::open()?;
    base.touch()?;
    if let Some(server) = &*known
        && server.answers()
    {
        return Ok(server.clone());
    }
    let server = find_or_start(&base)?;
    server.drop_orphans()?;
    *known = Some(server.clone());
    Ok(server)
}

fn find_or_start(base: &Base) -> Result<Server> {
    let lock = base.create("lock")?;
    lock.lock().context("the lock file cannot be locked")?;
    if let Some(server) = base.read_server()
        && server.answers()
    {
        return Ok(server);
    }
    let installation = Installation::find(base.uid)?;
    let mut attempt = 1;
    loop {
        match start(base, &installation) {
            Ok(server) => return Ok(server),
            // Somebody may have taken the port in the meantime.
            Err(_) if attempt < START_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn start(base: &Base, installation: &Installation) -> Result<Server> {
    base.remove_clusters()?;
    let server = Server {
        port: crate::free_port(),
        password: random()?,
    };
    let data = base.path.join(format!("data-{}", random()?));
    DirBuilder::new().mode(0o700).create(&data)?;
    installation.give(&data)?;
    init(base, installation, &data, &server.password)?;
    let mut keeper = launch(base, installation, &data, server.port)?;
    let mut stopped = false;
    let answers = crate::holds_within(START_TIMEOUT, || {
        stopped = matches!(keeper.try_wait(), Ok(Some(_)));
        stopped || server.answers()
    });
    if stopped || !answers {
        bail!("PostgreSQL did not start: {}", base.read_log());
    }
    let mut file = base.create("server")?;
    file.set_len(0)?;
    writeln!(file, "{}\n{}", server.port, server.password)?;
    Ok(server)
}

fn init(base: &Base, installation: &Installation, data: &Path, password: &str) -> Result<()> {
    let mut file = base.create("password")?;
    file.set_len(0)?;
    file.write_all(password.as_bytes())?;
    let file = base.path.join("password");
    installation.give(&file)?;
    let output = installation
        .command(installation.programs.join("initdb"))
        .arg("--pgdata")
        .arg(data)
        .arg("--pwfile")
        .arg(&file)
        .args(["--username", USER, "--auth", "password"])
        .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
        .output()
        .context("`initdb` cannot be run")?;
    fs::remove_file(&file)?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`initdb` failed: {words}");
    Ok(())
}

/// Starts the server in a process group of its own: it outlives the test process that happened to be the first.
fn launch(base: &Base, installation: &Installation, data: &Path, port: u16) -> Result<Child> {
    let log = base.create("log")?;
    log.set_len(0)?;
    let mut command: Command = installation.command("/bin/sh");
    command
        .args(["-c", KEEPER, "testkit-postgres"])
        .arg(base.path.join("wanted"))
        .arg(installation.programs.join("postgres"))
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories=."])
        .args(["-c", "max_connections=200"])
        .args(["-c", "shared_buffers=32MB"])
        // Nobody misses a test database after a power cut.
        .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
        .args(["-c", "wal_level=minimal", "-c", "max_wal_senders=0"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    command.spawn().context("`/bin/sh` cannot be run")
}

/// The directory that test processes share, for what is not the server.
pub(crate) struct Shared(Base);

impl Shared {
    pub(crate) fn open() -> Result<Self> {
        Base::open().map(Self)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// One process at a time has it.
    pub(crate) fn lock(&self) -> Result<File> {
        let lock = self.0.create("making")?;
        lock.lock().context("the lock file cannot be locked")?;
        Ok(lock)
    }
}

/// The directory that test processes share.
struct Base {
    path: PathBuf,
    uid: u32,
}

impl Base {
    fn open() -> Result<Self> {
        let uid = installation::our_uid()?;
        let path = std::env::temp_dir().join(format!("amanat-testkit-{uid}"));
        // Others may pass through, as the server does when we are root, and see nothing.
        let made = DirBuilder::new().recursive(true).mode(0o711).create(&path);
        made.with_context(|| format!("`{}` cannot be made", path.display()))?;
        ensure!(
            fs::symlink_metadata(&path)?.uid() == uid,
            "`{}` belongs to somebody else; set `TMPDIR` to a directory of yours",
            path.display()
        );
        Ok(Self { path, uid })
    }

    /// Opens a file of ours, made if it is not there; readable by nobody else.
    fn create(&self, name: &str) -> Result<File> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path);
        file.with_context(|| format!("`{}` cannot be opened", path.display()))
    }

    fn touch(&self) -> Result<()> {
        let mut file = self.create("wanted")?;
        // Writing moves the time of change, which is all that is read.
        Ok(file.write_all(b"!")?)
    }

    fn read_server(&self) -> Option<Server> {
        let text = fs::read_to_string(self.path.join("server")).ok()?;
        let (port, password) = text.trim_end().split_once('\n')?;
        Some(Server {
            port: port.parse().ok()?,
            password: password.to_owned(),
        })
    }

    fn read_log(&self) -> String {
        fs::read_to_string(self.path.join("log")).unwrap_or_default()
    }

    fn remove_clusters(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("data-") {
                // Without this file a server stops within a minute, if one still runs in there.
                let _ = fs::remove_file(entry.path().join("postmaster.pid"));
                // It may be adding files at this moment; the rest goes at the next start.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

fn random() -> Result<String> {
    Ok(format!("{:016x}", getrandom::u64()?))
}
