# Greets whom it reads of. What this file does as it is loaded is done beforehand.
require 'json'
require 'set'
require 'mustache'

module Greet
  TEMPLATE = Mustache::Template.new(File.read(File.join(__dir__, 'greeting.mustache')))
  TEMPLATE.tokens
  SQUARES = (0...10_000).to_h { |number| ["k#{number}", number * number] }

  def self.greeting(name)
    raise ArgumentError, "#{name} is no name" unless name.match?(/\A[[:alpha:]]+\z/)
    Mustache.render(TEMPLATE, name: name, square: SQUARES["k#{name.size}"])
  end

  # Reads, prints, and ends the program: what a `_start` does.
  def self.main
    names = $stdin.read.split
    names.each { |name| puts greeting(name) }
    status = names.empty? ? 3 : 0
  rescue SystemExit => ended
    status = ended.status
  rescue Exception => error
    $stderr.puts error.full_message(highlight: false)
    status = 1
  ensure
    $stdout.flush
    $stderr.flush
    exit!(status)
  end
end
