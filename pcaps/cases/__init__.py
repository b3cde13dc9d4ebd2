"""The cases, each a dozen lines on top of ``pcaps.builder``. ``registry`` lists them all."""
