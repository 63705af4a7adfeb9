"""The door: navigation, sidebar, page. No computing."""

from pages.common.caches import warm_up
from pages.common.errors import sentences
from pages.common.navigation import navigation, opened
from pages.common.selection import sidebar

opened()
page = navigation()
warm_up()
sidebar()
with sentences():
    page.run()
