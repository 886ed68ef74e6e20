//! A real Chromium, driven by its chromedriver.

use crate::server::Server;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Without these it looks for the outer world, or shows a window.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--lang=en-US",
];

/// Patience with a page.
const SOON: Duration = Duration::from_secs(30);

/// A browser with one window.
pub struct Browser {
    pub driver: WebDriver,
    pub url: String,
    chromedriver: tokio::process::Child,
    profile: PathBuf,
}

/// What a browser has beside the usual.
#[derive(Default)]
pub struct More {
    pub flags: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
    /// What it remembers of former runs.
    pub local_state: Option<Value>,
}

impl Browser {
    pub async fn start(server: &Server) -> Self {
        Self::with(server, More::default()).await
    }

    pub async fn with(server: &Server, more: More) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (chromedriver, port) = chromedriver(&more.environment).await;
        let profile = crate::server::fresh_dir();
        if let Some(state) = &more.local_state {
            std::fs::write(profile.join("Local State"), state.to_string()).unwrap();
        }
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS.iter().copied().chain(more.flags.iter().map(String::as_str)) {
            wanted.add_arg(flag).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.display())).unwrap();
        wanted.set_binary("/usr/bin/chromium").unwrap();
        wanted.accept_insecure_certs(true).unwrap();
        let driver = WebDriver::new(&format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        let browser = Self { driver, url: server.url.clone(), chromedriver, profile };
        browser.size(1440, 900).await;
        browser
    }

    /// Ends it. (Where a test fails before, the child's handle does.)
    pub async fn quit(mut self) {
        self.driver.clone().quit().await.unwrap();
        self.chromedriver.kill().await.unwrap();
        let _ = std::fs::remove_dir_all(&self.profile);
    }

    pub async fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    }

    /// What the system's settings say of dark pages.
    pub async fn dark(&self, on: bool) {
        let value = if on { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
    }

    /// Opens a page. Chromium gives up a request while network cards come and go, as they do when guests start; then once more.
    pub async fn go(&self, path: &str) {
        for _ in 0..10 {
            let failed = self.driver.goto(format!("{}{path}", self.url)).await.is_err();
            if !failed && !self.gave_up().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("{path} cannot be opened: {}", self.text("body").await);
    }

    /// Chromium shows its own page: a request was cut off.
    pub async fn gave_up(&self) -> bool {
        self.run("return document.getElementById('main-frame-error') !== null").await == Value::Bool(true)
    }

    pub async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// Waits until the address's path ends so.
    pub async fn arrives(&self, ending: &str) {
        let end = Instant::now() + SOON;
        loop {
            let path = self.path().await;
            if path.ends_with(ending) {
                return;
            }
            assert!(Instant::now() < end, "at {path}, never at …{ending}: {}", self.text("body").await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn sign_in(&self, user: &str, password: &str) {
        self.go("/sign-in").await;
        self.fill("#user", user).await;
        self.fill("#password", password).await;
        self.click("#go").await;
        let end = Instant::now() + SOON;
        while self.path().await == "/sign-in" {
            assert!(Instant::now() < end, "{}", self.text("body").await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn find(&self, css: &str) -> WebElement {
        let query = self.driver.query(By::Css(css)).wait(SOON, Duration::from_millis(50));
        match query.first().await {
            Ok(element) => element,
            Err(_) => panic!("{} has no {css}: {}", self.path().await, self.text("body").await),
        }
    }

    pub async fn click(&self, css: &str) {
        let end = Instant::now() + SOON;
        loop {
            let element = self.find(css).await;
            let clicked = match element.scroll_into_view().await {
                Ok(()) => element.click().await,
                Err(error) => Err(error),
            };
            match clicked {
                Ok(()) => return,
                // The page was drawn anew between finding and clicking.
                Err(error) if format!("{error:?}").contains("StaleElement") && Instant::now() < end => {}
                Err(error) => panic!("{css} cannot be clicked: {error}"),
            }
        }
    }

    /// Clicks the first of these that shows exactly this text.
    pub async fn click_text(&self, css: &str, text: &str) {
        self.find(css).await;
        for element in self.driver.find_all(By::Css(css)).await.unwrap() {
            if element.text().await.unwrap_or_default() == text {
                element.scroll_into_view().await.unwrap();
                return element.click().await.unwrap();
            }
        }
        panic!("no {css} shows {text}: {}", self.text("body").await);
    }

    /// Types into a field, or chooses in a list.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        if field.tag_name().await.unwrap() == "select" {
            for option in field.find_all(By::Tag("option")).await.unwrap() {
                if option.text().await.unwrap().starts_with(text) {
                    option.click().await.unwrap();
                    return;
                }
            }
            panic!("{css} has no {text}: {}", field.text().await.unwrap());
        }
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub async fn text(&self, css: &str) -> String {
        match self.driver.find(By::Css(css)).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until it shows this text: a page that was just sent off is still there for a moment.
    pub async fn says(&self, css: &str, text: &str) {
        let end = Instant::now() + SOON;
        loop {
            let now = self.text(css).await;
            if now.contains(text) {
                return;
            }
            assert!(Instant::now() < end, "{css} never says {text:?}, but {now:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn has(&self, css: &str) -> bool {
        self.driver.find(By::Css(css)).await.is_ok()
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, vec![]).await.unwrap().json().clone()
    }

    pub async fn screenshot(&self, file: &Path) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        self.driver.screenshot(file).await.unwrap();
    }

    /// What axe-core finds wrong with the page.
    pub async fn axe(&self) -> Vec<String> {
        let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
        self.driver.execute(std::fs::read_to_string(axe).unwrap(), vec![]).await.unwrap();
        // Colours that are on their way from light to dark are nobody's colours.
        let script = "const done = arguments[arguments.length - 1]; \
            const fading = document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations !== Infinity); \
            Promise.allSettled(fading.map((a) => a.finished)).then(() => axe.run()) \
            .then((r) => done(r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3)}`)))";
        let found = self.driver.execute_async(script, vec![]).await.unwrap();
        found.convert().unwrap()
    }
}

/// Its own chromedriver, on a free port.
async fn chromedriver(environment: &[(&'static str, String)]) -> (tokio::process::Child, u16) {
    let mut command = tokio::process::Command::new("chromedriver");
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("make test installs chromium-driver");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("started successfully")
            && let Some(port) = line.split("on port ").nth(1)
        {
            let port = port.trim_end_matches('.').parse().unwrap();
            // Nobody reads the rest; a full pipe would stop it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, port);
        }
    }
    panic!("chromedriver did not say its port");
}
