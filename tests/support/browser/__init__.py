"""Driving the app in a real Chromium: the browser, the server, what stands on a page, and screenshots."""
