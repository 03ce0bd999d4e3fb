"""Headless Chromium in front of the running press."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from running_press import RunningPress
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

WIDTH, HEIGHT = 1500, 950
PATIENCE = 120.0
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-proxy-server",
    # Nothing but the page: a browser's own errands would go out to the world.
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run",
)  # fmt: skip


class Person:
    """Somebody at the screen: logs in, waits for what is to be seen, clicks and types."""

    def __init__(self, driver: Chrome, running: RunningPress, pictures: Path) -> None:
        self.driver, self.running, self._pictures = driver, running, pictures

    def log_in(self, name: str) -> None:
        self.go("/")
        self.driver.delete_all_cookies()
        self.go("/")
        self.see("input[name=username]").send_keys(name)
        self.see("input[name=password]").send_keys(self.running.login(name).password + "\n")
        self.wait(lambda: not self.all("input[name=username]"), f"{name} to be logged in")

    def go(self, path: str) -> None:
        self.driver.get(f"{self.running.endpoints.airflow}{path}")

    def wait(self, look: Callable[[], Any], what: str) -> Any:
        """The first true answer of `look`; a page that redraws meanwhile is asked again."""
        from selenium.common.exceptions import WebDriverException

        def patient() -> Any:
            with contextlib.suppress(WebDriverException):
                return look()
            return None

        try:
            return self.running.wait(patient, what, PATIENCE, every=0.2)
        except AssertionError:
            self.picture("lost")
            raise

    def all(self, css: str, text: str = "") -> list[WebElement]:
        """Elements by CSS selector that can be seen, with that text in them."""
        found = self.driver.find_elements("css selector", css)
        return [element for element in found if element.is_displayed() and text in element.text]

    def see(self, css: str, text: str = "") -> WebElement:
        found: WebElement = self.wait(lambda: next(iter(self.all(css, text)), None), f"{css} {text!r} to be seen")
        return found

    def click(self, css: str, text: str = "") -> None:
        self.wait(
            lambda: [element.click() or True for element in self.all(css, text)[:1]], f"a click on {css} {text!r}"
        )

    def press(self, keys: str) -> None:
        """Press keys where the keyboard is, without a click on anything before."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(keys).perform()

    def into_frame(self, css: str) -> None:
        """Into the plugin's iframe, when it shows this."""

        def there() -> bool:
            self.driver.switch_to.default_content()
            self.driver.switch_to.frame(self.driver.find_element("css selector", "iframe"))
            return bool(self.all(css))

        self.wait(there, f"{css} in the frame")

    def out_of_frame(self) -> None:
        self.driver.switch_to.default_content()

    def picture(self, name: str) -> Path:
        """A screenshot, when all images on the page are there."""
        path = self._pictures / f"{name}.png"
        assert self.driver.save_screenshot(str(path))
        return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the screenshots of this session are."""
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def person(running: RunningPress, pictures: Path) -> Iterator[Person]:
    """A browser window whose page is WIDTH × HEIGHT."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--window-size={WIDTH},{HEIGHT + 150}"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    outside = driver.get_window_size()["height"] - driver.execute_script("return innerHeight")
    driver.set_window_size(WIDTH, HEIGHT + outside)
    yield Person(driver, running, pictures)
    driver.quit()
