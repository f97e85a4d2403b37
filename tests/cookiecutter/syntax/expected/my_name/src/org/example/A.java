class org.example
